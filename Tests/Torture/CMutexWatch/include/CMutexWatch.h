// Nothing is called by name: what the library defines takes the place of symbols of the Swift runtime.
