/* test_tamper.c: nothing in a signed file can be changed without being noticed: every byte of small files of every
 * format, cuts at every length, and what the findings call it.
 */
#include "asset/files.h"
#include "people.h"

static person ann, bob;
static const char *const names[C2PA_FORMATS] = {"x.jpg", "x.png", "x.wav", "x.mp4"};

static void sign_small(c2pa_format f, const person *p, const char *out)
{
    lk_error err = {0};
    make_small(&file_a, f);
    CHECK_OK(c2pa_sign_file(save(&file_a, names[f]), out, &made_spec, &p->signer, NULL, &err), &err);
}

static void *load(const char *path, size_t *n)
{
    void *data = NULL;
    lk_error err = {0};
    CHECK_OK(lk_file_read(path, 1 << 24, &data, n, &err), &err);
    return data;
}

static void store_bytes(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f)) abort();
}

/* A changed copy must be anything but valid: invalid, without a manifest, or no file of a known kind any more. */
static bool noticed(const char *path)
{
    c2pa_report r;
    lk_error err = {0};
    lk_status s = c2pa_verify_file(path, &ann.root, 1, 0, &r, &err);
    bool good = s == LK_OK ? r.state == C2PA_INVALID || r.state == C2PA_NONE : s == LK_E_UNSUPPORTED;
    c2pa_report_clear(&r);
    return good;
}

/* What the formats leave free: the number that tells a JPEG's JUMBF boxes apart, and the brands of an MP4 (the
 * specification has ftyp left out of the hash). */
static bool is_free(c2pa_format f, size_t byte)
{
    return (f == C2PA_JPEG && (byte == 26 || byte == 27)) || (f == C2PA_BMFF && byte >= 8 && byte < 24);
}

static void test_bits(void)
{
    int step = getenv("LIKENESS_TEST_LONG") ? 1 : 24; /* every bit, or one of every third byte */
    for (int f = 0; f < C2PA_FORMATS; f++) {
        const char *out = where("signed"), *bad = where("bad");
        sign_small((c2pa_format)f, &ann, out);
        size_t n, missed = 0;
        uint8_t *b = load(out, &n);
        store_bytes(bad, b, n);
        CHECK_INT(state_of_file(bad, &ann), C2PA_TRUSTED);
        for (size_t i = 0; i < n * 8; i += (size_t)step) {
            size_t bit = i + (step > 1 ? (i / 24) % 8 : 0);
            if (is_free((c2pa_format)f, bit / 8)) continue;
            b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            store_bytes(bad, b, n);
            b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (noticed(bad)) continue;
            if (missed++ < 8) CHECK(0, "%s: bit %zu of byte %zu of %zu (%02x) is free", names[f], bit % 8, bit / 8, n, b[bit / 8]);
        }
        CHECK_INT(missed, 0);
        lk_free(b);
    }
}

static void test_cuts(void)
{
    for (int f = 0; f < C2PA_FORMATS; f++) {
        const char *out = where("signed"), *bad = where("bad");
        sign_small((c2pa_format)f, &ann, out);
        size_t n, missed = 0;
        uint8_t *b = load(out, &n);
        for (size_t cut = 0; cut < n; cut += 1 + (cut > 64 && cut + 64 < n) * 5) {
            store_bytes(bad, b, cut);
            if (!noticed(bad)) missed++;
        }
        CHECK_INT(missed, 0);
        uint8_t *more = malloc(n + 64);
        memcpy(more, b, n);
        memset(more + n, 0, 64);
        for (size_t extra = 1; extra <= 64; extra++) {
            store_bytes(bad, more, n + extra);
            if (!noticed(bad)) missed++;
        }
        CHECK_INT(missed, 0);
        free(more);
        lk_free(b);
    }
}

int main(int argc, char **argv)
{
    static const check_test tests[] = {{"bits", test_bits}, {"cuts", test_cuts}};
    tempdir_make("c2pa");
    person_make(&ann, LK_PK_ES256);
    person_make(&bob, LK_PK_EDDSA);
    int rc = check_main(argc, argv, tests, LK_COUNT(tests));
    person_free(&ann);
    person_free(&bob);
    return tempdir_remove(rc);
}
