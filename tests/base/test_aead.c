/* test_aead.c: streams against libsodium's own and against bytes computed by an independent program; then every way to
 * spoil one: flips, cuts, order, doubles, other streams, other headers and keys. */
#include <sodium.h>

#include "base/aead.h"
#include "check.h"

static lk_error err;
static const char header[] = "what the file says of itself";
enum { HEADER = sizeof header - 1 };

static uint8_t *pattern(size_t n, uint32_t stream)
{
    uint8_t *p = lk_alloc(LK_MAX(n, (size_t)1));
    lk_rng r = lk_rng_at(7, stream, 0, 0);
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)lk_rng_u32(&r);
    return p;
}

static void key_of(uint8_t key[LK_AEAD_KEY], uint8_t first)
{
    for (int i = 0; i < LK_AEAD_KEY; i++) key[i] = (uint8_t)(first + i);
}

static void from_hex(const char *hex, uint8_t *out)
{
    for (size_t i = 0; hex[2 * i]; i++) {
        unsigned v = 0;
        CHECK(sscanf(hex + 2 * i, "%2x", &v) == 1, "no hex");
        out[i] = (uint8_t)v;
    }
}

/* Made by a program of twenty lines that shares no code with libsodium: ChaCha20, Poly1305 and the stream's rules. */
static void test_known_bytes(void)
{
    static const char *const boxes[] = {"5f2872d366087ac44fbae930e9d59b6073443b01bcbdec8e500457b2cfacd02b",
                                        "493854228c5dd20c32e89943d620abca985c121a89959e5b3be1e9385e"};
    static const char *const words[] = {"the first piece", "and the last"};
    uint8_t key[LK_AEAD_KEY], head[LK_AEAD_HEAD], box[64], out[64];
    bool last = true;
    lk_aead a;
    key_of(key, 0);
    for (int i = 0; i < LK_AEAD_HEAD; i++) head[i] = (uint8_t)(100 + i);
    lk_aead_open_begin(&a, key, head);
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(boxes[i]) / 2;
        from_hex(boxes[i], box);
        CHECK_OK(lk_aead_pull(&a, box, n, i ? "" : "a header", i ? 0 : 8, &last, out, &err), &err);
        CHECK(!memcmp(out, words[i], strlen(words[i])), "box %d holds something else", i);
        CHECK(last == (i == 1), "the end is in the wrong place");
    }
    CHECK_STATUS(lk_aead_pull(&a, box, 29, "", 0, &last, out, &err), LK_E_FORMAT, &err);
    lk_aead_clear(&a);
}

static void test_both_ways_with_libsodium(void)
{
    uint8_t key[LK_AEAD_KEY], head[LK_AEAD_HEAD], box[300], out[300], *msg = pattern(200, 1);
    crypto_secretstream_xchacha20poly1305_state theirs;
    unsigned long long n;
    unsigned char tag;
    bool last;
    lk_aead a;
    key_of(key, 3);
    CHECK_OK(lk_aead_seal_begin(&a, key, head, &err), &err);
    CHECK(!crypto_secretstream_xchacha20poly1305_init_pull(&theirs, head, key), "their reader does not begin");
    for (size_t len = 0; len <= 200; len += 50) {
        CHECK_OK(lk_aead_push(&a, msg, len, header, HEADER, len == 200, box, &err), &err);
        CHECK(!crypto_secretstream_xchacha20poly1305_pull(&theirs, out, &n, &tag, box, len + LK_AEAD_EXTRA,
                                                          (const uint8_t *)header, HEADER) &&
                  n == len && !memcmp(out, msg, len) && (tag == 3) == (len == 200),
              "libsodium cannot read box of %zu", len);
    }
    CHECK_STATUS(lk_aead_push(&a, msg, 1, NULL, 0, true, box, &err), LK_E_BUG, &err);
    CHECK(!crypto_secretstream_xchacha20poly1305_init_push(&theirs, head, key), "their writer does not begin");
    lk_aead_open_begin(&a, key, head);
    for (size_t len = 0; len <= 200; len += 50) {
        crypto_secretstream_xchacha20poly1305_push(&theirs, box, NULL, msg, len, (const uint8_t *)header, HEADER,
                                                   len == 200 ? 3 : 0);
        CHECK_OK(lk_aead_pull(&a, box, len + LK_AEAD_EXTRA, header, HEADER, &last, out, &err), &err);
        CHECK(!memcmp(out, msg, len) && last == (len == 200), "theirs of %zu came back changed", len);
    }
    lk_free(msg);
}

/* Lengths around the borders of boxes, there and back; every other length is refused. */
static void test_sizes(void)
{
    static const size_t sizes[] = {0, 1, 63, LK_AEAD_CHUNK - 1, LK_AEAD_CHUNK, LK_AEAD_CHUNK + 1, 3 * LK_AEAD_CHUNK,
                                   3 * LK_AEAD_CHUNK + 777};
    uint8_t key[LK_AEAD_KEY];
    key_of(key, 9);
    for (size_t i = 0; i < LK_COUNT(sizes); i++) {
        size_t n = sizes[i], whole = (size_t)lk_aead_sealed_size(n);
        uint8_t *msg = pattern(n, 2), *sealed = lk_alloc(whole), *again = lk_alloc(whole), *out = lk_alloc(n + 1);
        CHECK(lk_aead_plain_size(whole) == n, "%zu bytes are said to be %llu", n,
              (unsigned long long)lk_aead_plain_size(whole));
        CHECK_OK(lk_aead_seal(key, header, HEADER, msg, n, sealed, &err), &err);
        CHECK_OK(lk_aead_seal(key, header, HEADER, msg, n, again, &err), &err);
        CHECK(memcmp(sealed, again, whole), "sealed twice, and the same bytes");
        out[n] = 0xA5;
        CHECK_OK(lk_aead_open(key, header, HEADER, sealed, whole, out, &err), &err);
        CHECK(!memcmp(out, msg, n) && out[n] == 0xA5, "%zu bytes came back changed", n);
        lk_free(msg);
        lk_free(sealed);
        lk_free(again);
        lk_free(out);
    }
    CHECK(lk_aead_sealed_size(UINT64_MAX) == 0 && lk_aead_sealed_size(UINT64_MAX - 64) == 0, "64 bits overflow");
    CHECK(lk_aead_sealed_size((uint64_t)1 << 62) > (uint64_t)1 << 62, "large data has a size");
    for (uint64_t n = 0; n < LK_AEAD_HEAD + LK_AEAD_EXTRA; n++)
        CHECK(lk_aead_plain_size(n) == UINT64_MAX, "%d bytes are no stream", (int)n);
    for (uint64_t more = 1; more <= LK_AEAD_EXTRA; more++)
        CHECK(lk_aead_plain_size(LK_AEAD_HEAD + LK_AEAD_BOX + more) == UINT64_MAX, "a box of %d bytes", (int)more);
}

/* Refused, and nothing of the plain data is left in the buffer. */
static void refused(const uint8_t *key, const char *ad, size_t ad_n, const uint8_t *sealed, size_t n, const char *why)
{
    uint64_t plain = lk_aead_plain_size(n);
    uint8_t *out = lk_alloc(plain == UINT64_MAX ? 1 : LK_MAX((size_t)plain, (size_t)1));
    size_t left = 0;
    lk_error e = {0};
    lk_status s = lk_aead_open(key, ad, ad_n, sealed, n, out, &e);
    CHECK(s == LK_E_FORMAT, "%s: status %d", why, (int)s);
    if (plain != UINT64_MAX)
        for (size_t i = 0; i < plain; i++) left += out[i] != 0;
    CHECK(left == 0, "%s: %zu bytes of what was refused are left", why, left);
    lk_free(out);
}

static void test_flips(void)
{
    enum { N = 100, WHOLE = N + LK_AEAD_HEAD + LK_AEAD_EXTRA };
    uint8_t key[LK_AEAD_KEY], sealed[WHOLE], *msg = pattern(N, 3);
    char ad[HEADER];
    key_of(key, 1);
    CHECK_OK(lk_aead_seal(key, header, HEADER, msg, N, sealed, &err), &err);
    for (int bit = 0; bit < WHOLE * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused(key, header, HEADER, sealed, WHOLE, "a flipped bit");
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (int bit = 0; bit < LK_AEAD_KEY * 8; bit += 3) {
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused(key, header, HEADER, sealed, WHOLE, "another key");
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (int bit = 0; bit < HEADER * 8; bit++) {
        memcpy(ad, header, HEADER);
        ad[bit / 8] ^= (char)(1 << bit % 8);
        refused(key, ad, HEADER, sealed, WHOLE, "another header");
    }
    refused(key, header, HEADER - 1, sealed, WHOLE, "a shorter header");
    for (size_t n = 0; n < WHOLE; n++) refused(key, header, HEADER, sealed, n, "a cut end");
    lk_free(msg);
}

static void swap_boxes(uint8_t *sealed, int i, int k)
{
    uint8_t *a = sealed + LK_AEAD_HEAD + (size_t)i * LK_AEAD_BOX, *b = sealed + LK_AEAD_HEAD + (size_t)k * LK_AEAD_BOX;
    for (size_t n = 0; n < LK_AEAD_BOX; n++) {
        uint8_t x = a[n];
        a[n] = b[n];
        b[n] = x;
    }
}

/* Whole boxes, each genuine: in another order, doubled, left out, or of another stream under the same key. */
static void test_order(void)
{
    enum { BOXES = 4 };
    const size_t n = BOXES * LK_AEAD_CHUNK, whole = (size_t)lk_aead_sealed_size(n);
    uint8_t key[LK_AEAD_KEY], *msg = pattern(n, 4), *a = lk_alloc(whole), *b = lk_alloc(whole), *c = lk_alloc(whole);
    key_of(key, 77);
    CHECK_OK(lk_aead_seal(key, header, HEADER, msg, n, a, &err), &err);
    CHECK_OK(lk_aead_seal(key, header, HEADER, msg, n, b, &err), &err);
    for (int i = 0; i < BOXES; i++)
        for (int k = i + 1; k < BOXES; k++) {
            memcpy(c, a, whole);
            swap_boxes(c, i, k);
            refused(key, header, HEADER, c, whole, "two boxes changed places");
        }
    for (int i = 0; i < BOXES; i++) {
        memcpy(c, a, whole);
        memcpy(c + LK_AEAD_HEAD + (size_t)i * LK_AEAD_BOX, b + LK_AEAD_HEAD + (size_t)i * LK_AEAD_BOX, LK_AEAD_BOX);
        refused(key, header, HEADER, c, whole, "a box of another stream");
        memcpy(c, a, whole);
        memmove(c + LK_AEAD_HEAD + (size_t)i * LK_AEAD_BOX, c + LK_AEAD_HEAD + (size_t)(i + 1) * LK_AEAD_BOX,
                (size_t)(BOXES - 1 - i) * LK_AEAD_BOX);
        refused(key, header, HEADER, c, whole - LK_AEAD_BOX, "a box left out");
        memcpy(c, a, whole);
        if (i) memcpy(c + LK_AEAD_HEAD + (size_t)i * LK_AEAD_BOX, c + LK_AEAD_HEAD, LK_AEAD_BOX);
        if (i) refused(key, header, HEADER, c, whole, "a box doubled");
    }
    memcpy(c, b, LK_AEAD_HEAD);
    memcpy(c + LK_AEAD_HEAD, a + LK_AEAD_HEAD, whole - LK_AEAD_HEAD);
    refused(key, header, HEADER, c, whole, "the head of another stream");
    lk_free(msg);
    lk_free(a);
    lk_free(b);
    lk_free(c);
}

static const check_test tests[] = {{"known bytes", test_known_bytes},
                                   {"both ways with libsodium", test_both_ways_with_libsodium},
                                   {"sizes", test_sizes},
                                   {"flips and cuts", test_flips},
                                   {"order", test_order}};
CHECK_MAIN(tests)
