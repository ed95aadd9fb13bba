// libexpat: a stream parser for the XML that STS and EC2 answer with.
#pragma once
#include <expat.h>
