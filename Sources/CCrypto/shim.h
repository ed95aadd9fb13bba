// libcrypto: HMAC, SHA-256 and constant-time comparison.
#pragma once
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
