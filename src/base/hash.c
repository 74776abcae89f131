/* hash.c: what surrounds SHA-256 (hex text, comparing, whole files) and CRC-32. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

lk_status lk_hash_file(const char *path, lk_hash *out, lk_error *err)
{
    enum { BLOCK = 1 << 18 };
    lk_status s = LK_OK;
    lk_hasher *h = NULL;
    unsigned char *block = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return LK_FAIL(err, errno == ENOENT ? LK_E_NOTFOUND : LK_E_IO, "%s cannot be opened (%s)", path,
                       strerror(errno));
    block = lk_alloc(BLOCK);
    if (!block || lk_hasher_new(&h) != LK_OK) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to hash %s; close other programs and try again", path);
        goto done;
    }
    for (;;) {
        ssize_t n = lk_fault_hit(LK_FAULT_READ) ? (errno = EIO, -1) : read(fd, block, BLOCK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            s = LK_FAIL(err, LK_E_IO, "%s cannot be read (%s); check the disk and its rights", path,
                        strerror(errno));
            goto done;
        }
        if (n == 0) break;
        lk_hasher_add(h, block, (size_t)n);
    }
    *out = lk_hasher_finish(h);
    h = NULL;
done:
    if (h) lk_hasher_finish(h);
    lk_free(block);
    close(fd);
    return s;
}

void lk_hash_hex(const lk_hash *h, char out[LK_HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < LK_HASH_BYTES; i++) {
        out[2 * i] = digits[h->b[i] >> 4];
        out[2 * i + 1] = digits[h->b[i] & 15];
    }
    out[2 * LK_HASH_BYTES] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1; /* capitals too: one hash has one spelling */
}

bool lk_hash_from_hex(const char *hex, lk_hash *out)
{
    if (!hex || strnlen(hex, LK_HASH_HEX) != 2 * LK_HASH_BYTES) return false;
    for (int i = 0; i < LK_HASH_BYTES; i++) {
        int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);
        if (hi < 0 || lo < 0) return false;
        out->b[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

bool lk_hash_equal(const lk_hash *a, const lk_hash *b)
{
    unsigned char diff = 0;
    for (int i = 0; i < LK_HASH_BYTES; i++) diff |= a->b[i] ^ b->b[i];
    return diff == 0;
}

/* CRC-32 of ISO 3309 (PNG, zip), reflected polynomial 0xEDB88320, eight bytes a
 * step ("slicing by 8", Kounavis and Berry 2005). Start with crc 0. */
static uint32_t crc_table[8][256];

static void crc_table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = (c >> 1) ^ (0xEDB88320u & -(c & 1));
        crc_table[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < 256; i++)
            crc_table[t][i] = crc_table[0][crc_table[t - 1][i] & 255] ^ (crc_table[t - 1][i] >> 8);
}

uint32_t lk_crc32(uint32_t crc, const void *data, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, crc_table_fill);
    const unsigned char *p = data;
    uint32_t c = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        c = crc_table[7][c & 255] ^ crc_table[6][c >> 8 & 255] ^ crc_table[5][c >> 16 & 255] ^
            crc_table[4][c >> 24] ^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^
            crc_table[0][p[7]];
    }
    for (; n > 0; n--) c = crc_table[0][(c ^ *p++) & 255] ^ (c >> 8);
    return ~c;
}
