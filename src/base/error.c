/* error.c: filling the caller's lk_error. Works without memory, so that running
 * out of it can be reported too. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

/* Only the part of __FILE__ from the room on: build folders are nobody's business. */
static const char *file_in_tree(const char *file)
{
    const char *found = NULL;
    for (const char *p = file; (p = strstr(p, "src/")) != NULL; p += 4) found = p + 4;
    return found ? found : file;
}

/* Cut a message that did not fit at a character boundary, never inside a UTF-8 sequence. */
static void trim_utf8(char *s, size_t cap)
{
    size_t n = strlen(s);
    if (n + 1 < cap) return;
    size_t i = n;
    while (i > 0 && ((unsigned char)s[i - 1] & 0xC0) == 0x80) i--;
    if (i > 0 && ((unsigned char)s[i - 1] & 0x80)) s[i - 1] = '\0';
}

lk_status lk_error_set(lk_error *err, lk_status code, const char *file, int line, const char *fmt, ...)
{
    if (!err) return code;
    /* The old message may be an argument of the new one, so it is built aside. */
    char message[sizeof err->message];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (n < 0) strcpy(message, "the message of this error could not be formatted");
    if (n >= (int)sizeof message) trim_utf8(message, sizeof message);
    memcpy(err->message, message, sizeof message);
    snprintf(err->origin, sizeof err->origin, "%.48s:%d", file_in_tree(file), line);
    err->code = code;
    return code;
}
