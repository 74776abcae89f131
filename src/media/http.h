/* http.h: one question over the network, for time-stamp servers: the only place in
 * the project that opens a connection, and nobody calls it unless the user named an address.
 */
#ifndef LK_MEDIA_HTTP_H
#define LK_MEDIA_HTTP_H

#include "base/base.h"

#define LK_HTTP_ANSWER_MAX ((size_t)1 << 20)

/* POST body to url (http or https); waits at most seconds for the whole answer, which the caller lk_free's. */
lk_status lk_media_http_post(const char *url, const char *content_type, const void *body, size_t n,
                             double seconds, void **answer, size_t *answer_n, lk_error *err);
/* LK_OK when url is one that can be asked: http:// or https://, no control characters, at most 500 bytes. */
lk_status lk_media_http_check(const char *url, lk_error *err);

#endif
