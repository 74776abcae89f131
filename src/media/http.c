/* http.c: a POST by libavformat's http protocol. */
#include "media/http.h"

#include <libavformat/avformat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "media/impl.h"

enum { URL_MAX = 500, BODY_MAX = 1 << 16 };

lk_status lk_media_http_check(const char *url, lk_error *err)
{
    size_t n = strlen(url);
    const char *host = !strncasecmp(url, "http://", 7)    ? url + 7
                       : !strncasecmp(url, "https://", 8) ? url + 8
                                                          : NULL;
    bool clean = n <= URL_MAX;
    for (const char *p = url; *p; p++) clean &= (unsigned char)*p > 32 && (unsigned char)*p < 127;
    if (!clean || !host || !*host || *host == '/')
        return LK_FAIL(err, LK_E_ARG, "%.100s is no address to ask; one begins with http:// or https://",
                       url);
    return LK_OK;
}

static int past(void *deadline) { return lk_now() > *(const double *)deadline; }

/* libav takes binary options as hexadecimal digits. */
static bool set_body(AVDictionary **options, const uint8_t *body, size_t n)
{
    char *hex = lk_alloc(2 * n + 1);
    if (!hex) return false;
    hex[0] = '\0';
    for (size_t i = 0; i < n; i++) snprintf(hex + 2 * i, 3, "%02x", body[i]);
    bool ok = av_dict_set(options, "post_data", hex, 0) >= 0;
    lk_free(hex);
    return ok;
}

static lk_status read_all(AVIOContext *io, const char *url, void **answer, size_t *answer_n, lk_error *err)
{
    size_t n = 0, room = 16384;
    uint8_t *data = lk_alloc(room);
    for (int got = 0; data; n += (size_t)got) {
        if (n == room) {
            uint8_t *more = room < LK_HTTP_ANSWER_MAX ? lk_realloc(data, n, room * 2) : NULL;
            if (!more) {
                lk_free(data);
                return room < LK_HTTP_ANSWER_MAX
                           ? LK_FAIL(err, LK_E_NOMEM, "no memory for the answer of %s", url)
                           : LK_FAIL(err, LK_E_RANGE,
                                     "%s answers with more than 1 MiB; is it the right address?", url);
            }
            data = more;
            room *= 2;
        }
        got = avio_read(io, data + n, (int)(room - n));
        if (got == AVERROR_EOF || got == 0) break;
        if (got < 0) {
            lk_free(data);
            return media_fail(err, LK_E_IO, "the answer broke off", url, got, "try again later");
        }
    }
    if (!data) return LK_FAIL(err, LK_E_NOMEM, "no memory for the answer of %s", url);
    *answer = data;
    *answer_n = n;
    return LK_OK;
}

lk_status lk_media_http_post(const char *url, const char *content_type, const void *body, size_t n,
                             double seconds, void **answer, size_t *answer_n, lk_error *err)
{
    *answer = NULL;
    *answer_n = 0;
    LK_TRY(lk_media_http_check(url, err));
    if (n == 0 || n > BODY_MAX)
        return LK_FAIL(err, LK_E_RANGE, "a question of %zu bytes cannot be sent to %s", n, url);
    media_quiet();
    double deadline = lk_now() + seconds;
    AVIOInterruptCB stop = {past, &deadline};
    AVDictionary *options = NULL;
    AVIOContext *io = NULL;
    char header[128], wait[32];
    snprintf(header, sizeof header, "Content-Type: %.90s\r\n", content_type);
    snprintf(wait, sizeof wait, "%.0f", seconds * 1e6);
    lk_status s = LK_OK;
    int rc = 0;
    if (!set_body(&options, body, n) || av_dict_set(&options, "headers", header, 0) < 0 ||
        av_dict_set(&options, "method", "POST", 0) < 0 || av_dict_set(&options, "seekable", "0", 0) < 0 ||
        av_dict_set(&options, "send_expect_100", "0", 0) < 0 ||
        av_dict_set(&options, "rw_timeout", wait, 0) < 0 ||
        av_dict_set(&options, "protocol_whitelist", "http,https,tcp,tls,crypto", 0) < 0)
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to ask %s", url);
    if (s == LK_OK && (rc = avio_open2(&io, url, AVIO_FLAG_READ, &stop, &options)) < 0)
        s = media_fail(err, LK_E_IO, "does not answer", url, rc,
                       "check the address and the network, or switch it off");
    if (s == LK_OK) s = read_all(io, url, answer, answer_n, err);
    avio_closep(&io);
    av_dict_free(&options);
    return s;
}
