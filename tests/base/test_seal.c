/* test_seal.c: sealed boxes against libsodium's own, and every way to spoil one. */
#include <sodium.h>

#include "base/seal.h"
#include "check.h"

static uint8_t pub[LK_SEAL_PUBLIC], sec[LK_SEAL_SECRET];

static void keys(void)
{
    lk_error err = {0};
    uint8_t again[LK_SEAL_PUBLIC];
    CHECK_OK(lk_seal_keypair(pub, sec, &err), &err);
    lk_seal_public(sec, again);
    CHECK(!memcmp(pub, again, sizeof pub), "the public half of a secret is another");
}

static void test_both_ways(void)
{
    lk_error err = {0};
    uint8_t msg[200], box[200 + LK_SEAL_EXTRA], other[200 + LK_SEAL_EXTRA], out[200];
    keys();
    for (size_t i = 0; i < sizeof msg; i++) msg[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n <= sizeof msg; n += 40) {
        size_t whole = n + LK_SEAL_EXTRA;
        CHECK_OK(lk_seal_close(pub, msg, n, box, &err), &err);
        memset(out, 0xEE, sizeof out);
        CHECK_OK(lk_seal_open(sec, box, whole, out, &err), &err);
        CHECK(!memcmp(out, msg, n), "%zu bytes came back changed", n);
        memset(out, 0xEE, sizeof out);
        CHECK(!crypto_box_seal_open(out, box, whole, pub, sec) && !memcmp(out, msg, n), "libsodium cannot open ours");
        CHECK(!crypto_box_seal(other, msg, n, pub), "libsodium cannot seal");
        CHECK_OK(lk_seal_open(sec, other, whole, out, &err), &err);
        CHECK(!memcmp(out, msg, n) && memcmp(box, other, whole), "sealed twice, and the same bytes");
    }
}

static void test_spoiled(void)
{
    static const char msg[] = "born 1980-02-29";
    lk_error err = {0};
    uint8_t box[sizeof msg + LK_SEAL_EXTRA], out[sizeof msg], pub2[LK_SEAL_PUBLIC], sec2[LK_SEAL_SECRET];
    keys();
    CHECK_OK(lk_seal_close(pub, msg, sizeof msg, box, &err), &err);
    for (size_t i = 0; i < sizeof box; i++) {
        box[i] ^= 1;
        CHECK_STATUS(lk_seal_open(sec, box, sizeof box, out, &err), LK_E_FORMAT, &err);
        box[i] ^= 1;
    }
    for (size_t n = 0; n < sizeof box; n++) CHECK_STATUS(lk_seal_open(sec, box, n, out, &err), LK_E_FORMAT, &err);
    CHECK_OK(lk_seal_keypair(pub2, sec2, &err), &err);
    CHECK_STATUS(lk_seal_open(sec2, box, sizeof box, out, &err), LK_E_FORMAT, &err);
    CHECK_OK(lk_seal_open(sec, box, sizeof box, out, &err), &err);
    memset(pub2, 0, sizeof pub2); /* no point of the curve that two could meet at */
    CHECK_STATUS(lk_seal_close(pub2, msg, sizeof msg, box, &err), LK_E_ARG, &err);
}

static void test_to_a_signer(void)
{
    static const char msg[] = "a data key";
    lk_error err = {0};
    uint8_t signer[LK_SIGN_PUBLIC], signer_sec[LK_SIGN_SECRET], again[LK_SEAL_PUBLIC];
    uint8_t box[sizeof msg + LK_SEAL_EXTRA], out[sizeof msg];
    CHECK_OK(lk_sign_keypair(signer, signer_sec, &err), &err);
    CHECK_OK(lk_seal_public_of_signer(signer, pub, &err), &err);
    lk_seal_secret_of_signer(signer_sec, sec);
    lk_seal_public(sec, again);
    CHECK(!memcmp(pub, again, sizeof pub), "the two halves do not belong together");
    CHECK_OK(lk_seal_close(pub, msg, sizeof msg, box, &err), &err);
    CHECK_OK(lk_seal_open(sec, box, sizeof box, out, &err), &err);
    CHECK_STR((const char *)out, msg);
    memset(signer, 0, sizeof signer); /* a point of small order */
    CHECK_STATUS(lk_seal_public_of_signer(signer, pub, &err), LK_E_ARG, &err);
}

static const check_test tests[] = {{"both ways", test_both_ways}, {"spoiled", test_spoiled}, {"to a signer", test_to_a_signer}};
CHECK_MAIN(tests)
