/* test_base.c: errors, memory, random numbers, hashes, signatures, text, time. */
#include "base/base.h"
#include "check.h"
#include "fault.h"

static void test_error(void)
{
    lk_error err = {0};
    CHECK_INT(LK_FAIL(&err, LK_E_IO, "%s is %d", "x", 3), LK_E_IO);
    CHECK_STR(err.message, "x is 3");
    CHECK(strstr(err.origin, "test_base.c:"), "origin %s", err.origin);
    LK_FAIL(&err, LK_E_BUG, "wrapped: %s", err.message); /* the old message as an argument */
    CHECK_STR(err.message, "wrapped: x is 3");
    CHECK_INT(LK_FAIL(NULL, LK_E_ARG, "nobody asked"), LK_E_ARG);

    char big[1000];
    for (int i = 0; i < 999; i += 3) memcpy(big + i, "\xE2\x82\xAC", 3);
    big[999] = '\0';
    for (int shift = 0; shift < 3; shift++) { /* cut between, after 1 and after 2 bytes of a sequence */
        LK_FAIL(&err, LK_E_IO, "%.*s%s", shift, "ab", big);
        size_t n = strlen(err.message);
        CHECK(n < sizeof err.message && (n - (size_t)LK_MIN(shift, 2)) % 3 == 0,
              "cut inside a character: %zu", n);
    }
}

static void test_status(void)
{
    CHECK_INT(lk_status_exit_code(LK_OK), 0);
    CHECK_INT(lk_status_exit_code(LK_E_CONSENT), 3);
    CHECK_INT(lk_status_exit_code(LK_E_MARK), 4);
    CHECK_INT(lk_status_exit_code(LK_E_CANCELLED), 5);
    CHECK_INT(lk_status_exit_code(LK_E_FORMAT), 6);
    CHECK_INT(lk_status_exit_code((lk_status)-99), 1);
    for (int s = LK_E_BUG; s <= LK_END; s++)
        CHECK(strcmp(lk_status_name((lk_status)s), "unknown"), "status %d has no name", s);
}

static void test_memory(void)
{
    for (size_t n = 0; n < 300; n += 7) {
        void *p = lk_alloc(n);
        CHECK(p && (uintptr_t)p % 64 == 0, "%zu bytes", n);
        memset(p, 1, n);
        lk_free(p);
    }
    CHECK(!lk_calloc(SIZE_MAX / 2, 3), "the product overflows");
    CHECK(!lk_alloc(SIZE_MAX), "no such block");
    char *s = lk_strfmt("%d-%s", 7, "seven");
    s = lk_realloc(s, strlen(s) + 1, 4000);
    CHECK_STR(s, "7-seven");
    lk_free(s);

    lk_fault_set(LK_FAULT_ALLOC, 2, false);
    void *a = lk_alloc(1), *b = lk_alloc(1), *c = lk_alloc(1);
    CHECK(a && !b && c, "only the second fails");
    CHECK_INT(lk_fault_count(LK_FAULT_ALLOC), 3);
    lk_fault_set(LK_FAULT_ALLOC, 1, true);
    CHECK(!lk_alloc(1) && !lk_alloc(1), "sticky faults stay");
    lk_fault_set(LK_FAULT_ALLOC, 0, false);
    lk_free(a);
    lk_free(c);
}

static void test_arena(void)
{
    lk_arena *a = NULL;
    CHECK_INT(lk_arena_new(&a, 8192), LK_OK);
    for (int round = 0; round < 3; round++) {
        unsigned char *blocks[40];
        for (int i = 0; i < 40; i++) {
            size_t n = (size_t)(i * i * 31 % 20000);
            blocks[i] = lk_arena_alloc(a, n);
            CHECK(blocks[i] && (uintptr_t)blocks[i] % 64 == 0, "block %d", i);
            for (size_t k = 0; k < n; k++)
                if (blocks[i][k]) {
                    check_fail(__FILE__, __LINE__, "block %d is not zeroed", i);
                    break;
                }
            memset(blocks[i], i + 1, n);
        }
        for (int i = 0; i < 40; i++) { /* nothing overlaps */
            size_t n = (size_t)(i * i * 31 % 20000);
            for (size_t k = 0; k < n; k++)
                if (blocks[i][k] != i + 1) {
                    check_fail(__FILE__, __LINE__, "block %d was overwritten", i);
                    break;
                }
        }
        lk_arena_clear(a);
    }
    CHECK(!lk_arena_alloc(a, SIZE_MAX), "no such block");
    CHECK_STR(lk_arena_strdup(a, "text"), "text");
    lk_arena_free(a);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_arena *f = NULL;
        if (lk_arena_new(&f, 100) == LK_OK) {
            void *p = lk_arena_alloc(f, 5000);
            void *q = lk_arena_alloc(f, 5000);
            if (p) memset(p, 1, 5000);
            if (q) memset(q, 1, 5000);
        }
        lk_arena_free(f);
    });
}

/* Known answers published with Random123 (kat_vectors, philox 4x32 10). */
static void test_philox(void)
{
    static const struct {
        uint32_t c[4], k[2], out[4];
    } kat[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < LK_COUNT(kat); i++) {
        uint32_t out[4];
        lk_philox4x32(kat[i].c, kat[i].k, out);
        CHECK(!memcmp(out, kat[i].out, sizeof out), "vector %zu: %08x %08x %08x %08x", i, out[0], out[1],
              out[2], out[3]);
    }
}

static void test_rng(void)
{
    lk_rng a = lk_rng_at(1, 2, 3, 4), b = a;
    for (int i = 0; i < 100; i++) CHECK_INT(lk_rng_u32(&a), lk_rng_u32(&b));
    const lk_rng others[] = {lk_rng_at(2, 2, 3, 4), lk_rng_at(1, 3, 3, 4), lk_rng_at(1, 2, 4, 4),
                             lk_rng_at(1, 2, 3, 5), lk_rng_at(1, 2, 3, 4 + (1ull << 32))};
    for (size_t i = 0; i < LK_COUNT(others); i++) {
        lk_rng base = lk_rng_at(1, 2, 3, 4), other = others[i];
        int same = 0;
        for (int k = 0; k < 64; k++) same += lk_rng_u32(&base) == lk_rng_u32(&other);
        CHECK_INT(same, 0);
    }
    lk_rng r = lk_rng_at(7, 0, 0, 0);
    double sum = 0, square = 0, lowest = 1, highest = 0;
    int counts[7] = {0};
    const int n = 70000;
    for (int i = 0; i < n; i++) {
        double g = lk_rng_normal(&r), u = lk_rng_uniform(&r);
        sum += g;
        square += g * g;
        lowest = fmin(lowest, u);
        highest = fmax(highest, u);
        counts[lk_rng_below(&r, 7)]++;
    }
    CHECK_NEAR(sum / n, 0, 0.02);
    CHECK_NEAR(square / n, 1, 0.03);
    CHECK(lowest >= 0 && lowest < 0.001 && highest < 1 && highest > 0.999, "uniform spans %g to %g", lowest,
          highest);
    for (int i = 0; i < 7; i++) CHECK_NEAR(counts[i], n / 7.0, 500);
    CHECK_INT(lk_rng_below(&r, 0), 0);
    CHECK_INT(lk_rng_below(&r, 1), 0);
    for (int i = 0; i < 1000; i++) CHECK(lk_rng_below(&r, 3000000000u) < 3000000000u, "out of range");

    uint8_t x[32] = {0}, y[32] = {0};
    lk_error err;
    CHECK_OK(lk_random_bytes(x, sizeof x, &err), &err);
    CHECK_OK(lk_random_bytes(y, sizeof y, &err), &err);
    CHECK(memcmp(x, y, sizeof x), "two draws are the same");
}

static void test_hash(void)
{
    char hex[LK_HASH_HEX];
    lk_hash h = lk_hash_bytes("abc", 3), back;
    lk_hash_hex(&h, hex); /* FIPS 180-4 example */
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(lk_hash_from_hex(hex, &back) && lk_hash_equal(&h, &back), "hex does not read back");
    back.b[31] ^= 1;
    CHECK(!lk_hash_equal(&h, &back), "one bit differs");
    hex[5] = 'A';
    CHECK(!lk_hash_from_hex(hex, &back), "capitals are another spelling");
    CHECK(!lk_hash_from_hex("ba78", &back) && !lk_hash_from_hex(NULL, &back), "too short");
    h = lk_hash_bytes(NULL, 0);
    lk_hash_hex(&h, hex);
    CHECK_STR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

    lk_hasher *s = NULL;
    CHECK_INT(lk_hasher_new(&s), LK_OK);
    lk_hasher_add(s, "a", 1);
    lk_hasher_add(s, "", 0);
    lk_hasher_add(s, "bc", 2);
    lk_hash parts = lk_hasher_finish(s), whole = lk_hash_bytes("abc", 3);
    CHECK(lk_hash_equal(&parts, &whole), "pieces hash differently");

    CHECK_INT(lk_crc32(0, "123456789", 9), 0xCBF43926); /* the usual check value */
    CHECK_INT(lk_crc32(lk_crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
    CHECK_INT(lk_crc32(0, "12345678123456781", 17), lk_crc32(lk_crc32(0, "123", 3), "45678123456781", 14));
}

static void test_sign(void)
{
    lk_error err = {0};
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET], sig[LK_SIGN_BYTES];
    char text[] = "I agree to this and to nothing else.";
    CHECK_OK(lk_sign_keypair(pub, sec, &err), &err);
    CHECK_OK(lk_sign_make(sec, text, sizeof text, sig, &err), &err);
    CHECK(lk_sign_check(pub, text, sizeof text, sig), "its own signature");
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] ^= 4;
        CHECK(!lk_sign_check(pub, text, sizeof text, sig), "byte %zu changed unnoticed", i);
        text[i] ^= 4;
    }
    for (size_t i = 0; i < sizeof sig; i++) {
        sig[i] ^= 4;
        CHECK(!lk_sign_check(pub, text, sizeof text, sig), "signature byte %zu changed unnoticed", i);
        sig[i] ^= 4;
    }
    /* RFC 8032, section 7.1, test 2: the message 0x72. */
    static const uint8_t rfc_pub[] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a,
                                      0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4,
                                      0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
    static const uint8_t rfc_sig[] = {0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82,
                                      0x0b, 0x5f, 0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50,
                                      0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08,
                                      0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13,
                                      0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a,
                                      0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};
    CHECK(lk_sign_check(rfc_pub, "\x72", 1, rfc_sig), "the RFC's example is refused");
    uint8_t secret[16];
    memset(secret, 7, sizeof secret);
    lk_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++) CHECK_INT(secret[i], 0);
}

static void test_text(void)
{
    lk_text t = {0};
    for (int i = 0; i < 1000; i++) lk_text_add(&t, "%d,", i);
    CHECK_INT(t.len, 3890);
    CHECK(!t.failed && !strncmp(t.s, "0,1,2,", 6) && strlen(t.s) == t.len, "text is wrong");
    lk_text_clear(&t);
    CHECK(!t.s && !t.len, "cleared");
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_text f = {0};
        for (int i = 0; i < 100; i++) lk_text_add(&f, "%d,", i);
        CHECK(f.failed || f.len == 290, "lost text without saying so: %zu", f.len);
        lk_text_clear(&f);
    });
}

static void test_time(void)
{
    char iso[32];
    lk_time_iso(1769853600, iso);
    CHECK_STR(iso, "2026-01-31T10:00:00Z");
    lk_time_iso(0, iso);
    CHECK_STR(iso, "1970-01-01T00:00:00Z");
    lk_time_iso(INT64_MAX, iso);
    CHECK_STR(iso, "@9223372036854775807");
    lk_wall_time_set(1234);
    CHECK_INT(lk_wall_time(), 1234);
    lk_wall_time_set(0);
    CHECK(lk_wall_time() > 1700000000, "the real clock");
    double t = lk_now();
    CHECK(lk_now() >= t, "monotonic");
}

static char logged[128];

static void keep_line(void *user, int level, const char *room, const char *line)
{
    snprintf(logged, sizeof logged, "%d %s %s%s", level, room, line, (const char *)user);
}

static void test_log(void)
{
    lk_log(0, "base", "to nobody");
    char mark[] = "!";
    lk_log_sink(keep_line, mark, 1);
    lk_log(2, "base", "too fine");
    CHECK_STR(logged, "");
    lk_log(1, "base", "disk %d", 4);
    CHECK_STR(logged, "1 base disk 4!");
    lk_log_sink(NULL, NULL, 3);
    lk_log(0, "base", "to nobody");
    CHECK_STR(logged, "1 base disk 4!");
}

static const check_test tests[] = {
    {"error", test_error},   {"status", test_status}, {"memory", test_memory}, {"arena", test_arena},
    {"philox", test_philox}, {"rng", test_rng},       {"hash", test_hash},     {"sign", test_sign},
    {"text", test_text},     {"time", test_time},     {"log", test_log},
};
CHECK_MAIN(tests)
