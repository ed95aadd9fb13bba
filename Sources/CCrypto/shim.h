// libcrypto: digests, HMAC, Base64 and the wiping of memory.
#pragma once
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
