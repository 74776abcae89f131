/* fuzz_bind.c: bound files as they come from other people's machines. A header is refused, or says one thing: written
 * again it is the same bytes. The file around it is read by its lengths, none of which may be believed. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "consent/bound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BEFORE = 12 };

static void try_header(const uint8_t *data, size_t size)
{
    static lk_bind_info h;
    lk_error err;
    lk_bytes again = {0};
    if (lk_bind_info_decode(data, size, &h, &err) == LK_OK) {
        if (h.people_count < 1 || h.people_count > LK_BIND_PEOPLE || !memchr(h.detail, 0, sizeof h.detail)) __builtin_trap();
        if (bind_head_encode(&h, &again, &err) != LK_OK || again.len != size || memcmp(again.b, data, size)) __builtin_trap();
    }
    lk_bytes_clear(&again);
}

static void try_file(const uint8_t *data, size_t size)
{
    static lk_bind_info h;
    char path[64];
    lk_error err;
    int fd = memfd_create("bound", 0);
    if (fd < 0) return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size) {
        bool is = lk_bind_is(path);
        lk_status s = lk_bind_info_read(path, &h, &err);
        if (s == LK_OK && (!is || h.bytes == 0)) __builtin_trap();
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_file(data, size);
    try_header(data, size);
    if (size > BEFORE) try_header(data + BEFORE, size - BEFORE);
    if (size > BEFORE) { /* the header alone, as long as it says */
        size_t n = (size_t)data[10] << 8 | data[11];
        try_header(data + BEFORE, LK_MIN(n, size - BEFORE));
    }
    return 0;
}
