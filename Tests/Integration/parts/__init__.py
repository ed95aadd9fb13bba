"""The real parts and their stand-ins that the integration tests are made of."""
