/* digest.h: SHA-256, SHA-384 and SHA-512 by the name that a file's author chose. base.h's lk_hasher is what
 * the project itself uses (always SHA-256); this is for formats that name their algorithm.
 */
#ifndef LK_DIGEST_H
#define LK_DIGEST_H

#include "base/base.h"

#define LK_DIGEST_MAX 64

typedef struct lk_digest lk_digest;
/* Bytes of the digest called "sha256", "sha384" or "sha512"; 0 for any other name. */
size_t lk_digest_size(const char *alg);
/* LK_E_UNSUPPORTED for another name, LK_E_NOMEM. *out is NULL on failure. */
lk_status lk_digest_new(const char *alg, lk_digest **out);
void lk_digest_add(lk_digest *d, const void *data, size_t n);
/* Writes lk_digest_size bytes to out (may be NULL) and frees d (may be NULL: nothing is written). */
void lk_digest_finish(lk_digest *d, uint8_t out[LK_DIGEST_MAX]);

#endif
