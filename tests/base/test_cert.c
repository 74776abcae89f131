/* test_cert.c: certificates made, read and judged: each rule of the C2PA profile broken one at a time. */
#include "check.h"

#include "certs.h"

static lk_error err;

static lk_der copy(const lk_der *d)
{
    lk_der c = {lk_alloc(d->n), d->n};
    memcpy(c.data, d->data, d->n);
    return c;
}

static void made_certificates(void)
{
    lk_pk *root_key, *leaf_key;
    lk_der root, leaf;
    lk_cert_info info;
    char why[160];
    lk_wall_time_set(NOW);
    for (int i = 0; i < 2; i++) {
        lk_pk_alg alg = i ? LK_PK_EDDSA : LK_PK_ES256;
        CHECK_OK(lk_pk_new(alg, &root_key, &err), &err);
        CHECK_OK(lk_pk_new(alg, &leaf_key, &err), &err);
        CHECK_OK(
            lk_cert_root(root_key, &(lk_cert_name){"Studio X root", "Studio X", "DE"}, 3650, &root, &err),
            &err);
        CHECK_OK(lk_cert_leaf(leaf_key, &(lk_cert_name){"Studio \xc3\x84", "Studio X", NULL}, 9000, root_key,
                              &root, &leaf, &err),
                 &err);
        CHECK_OK(lk_cert_read(root.data, root.n, &info, &err), &err);
        CHECK(info.ca && info.self_signed, "a root");
        CHECK_STR(info.subject, "CN=Studio X root,O=Studio X,C=DE");
        CHECK_OK(lk_cert_read(leaf.data, leaf.n, &info, &err), &err);
        CHECK(!info.ca && !info.self_signed, "a leaf");
        CHECK_STR(info.common_name, "Studio \xc3\x84");
        CHECK_STR(info.organization, "Studio X");
        CHECK_STR(info.issuer, "CN=Studio X root,O=Studio X,C=DE");
        CHECK_STR(info.key, i ? "Ed25519" : "EC P-256");
        CHECK_INT(info.not_before, NOW - 3600);
        CHECK_INT(info.not_after, NOW + 3650LL * DAY); /* not longer than its root */
        CHECK_INT(strlen(info.serial), 32);
        CHECK_INT(lk_cert_judge(&leaf, 1, &root, 1, NOW, why), LK_CERT_TRUSTED);
        CHECK_INT(lk_cert_judge(&leaf, 1, NULL, 0, NOW, why), LK_CERT_UNTRUSTED);
        CHECK_INT(lk_cert_judge(&leaf, 1, &leaf, 1, NOW, why), LK_CERT_TRUSTED);
        CHECK_INT(lk_cert_judge(&root, 1, &root, 1, NOW, why), LK_CERT_INVALID); /* a root signs no claims */
        CHECK_INT(lk_cert_judge((lk_der[]){leaf, root}, 2, &root, 1, NOW, why), LK_CERT_TRUSTED);
        CHECK_INT(lk_cert_judge(&leaf, 1, &root, 1, NOW - 3601, why), LK_CERT_EXPIRED);
        CHECK_INT(lk_cert_judge(&leaf, 1, &root, 1, NOW + 3651LL * DAY, why), LK_CERT_EXPIRED);
        CHECK(strstr(why, "expired on 2037-"), "%s", why);
        CHECK_INT(lk_cert_judge(&leaf, 0, &root, 1, NOW, why), LK_CERT_INVALID);
        lk_der none;
        CHECK_STATUS(
            lk_cert_leaf(leaf_key, &(lk_cert_name){"x", NULL, NULL}, 9, leaf_key, &root, &none, &err),
            LK_E_FORMAT, &err);
        lk_wall_time_set(NOW + 3651LL * DAY);
        CHECK_STATUS(
            lk_cert_leaf(leaf_key, &(lk_cert_name){"x", NULL, NULL}, 9, root_key, &root, &none, &err),
            LK_E_STATE, &err);
        lk_wall_time_set(NOW);
        CHECK_STATUS(lk_cert_root(root_key, &(lk_cert_name){"", NULL, NULL}, 9, &none, &err), LK_E_ARG, &err);
        CHECK_STATUS(lk_cert_root(root_key, &(lk_cert_name){"x", NULL, "GER"}, 9, &none, &err), LK_E_ARG,
                     &err);
        CHECK_STATUS(lk_cert_root(root_key, &(lk_cert_name){"x", NULL, NULL}, 0, &none, &err), LK_E_RANGE,
                     &err);
        lk_free(root.data);
        lk_free(leaf.data);
        lk_pk_free(&root_key);
        lk_pk_free(&leaf_key);
    }
    lk_wall_time_set(0);
}

/* Each rule of the profile broken one at a time, and what is allowed beside. */
static void profile(void)
{
    static const struct {
        const char *what;
        cert_plan plan;
        lk_cert_verdict want;
    } rows[] = {
        {"as it should be", {LEAF, KU, EKU}, LK_CERT_TRUSTED},
        {"document signing", {LEAF, KU, .eku = "1.3.6.1.5.5.7.3.36"}, LK_CERT_TRUSTED},
        {"C2PA's own usage", {LEAF, KU, .eku = "1.3.6.1.4.1.62558.2.1"}, LK_CERT_TRUSTED},
        {"Microsoft's usage", {LEAF, KU, .eku = "1.3.6.1.4.1.311.76.59.1.9"}, LK_CERT_TRUSTED},
        {"no basic constraints", {.name = "leaf", KU, EKU}, LK_CERT_TRUSTED},
        {"no SKI", {LEAF, KU, EKU, .no_ski = true}, LK_CERT_TRUSTED},
        {"Ed25519", {LEAF, KU, EKU, .key = "ED25519"}, LK_CERT_TRUSTED},
        {"P-384", {LEAF, KU, EKU, .key = "P-384"}, LK_CERT_TRUSTED},
        {"P-521", {LEAF, KU, EKU, .key = "P-521"}, LK_CERT_TRUSTED},
        {"RSA 2048", {LEAF, KU, EKU, .key = "RSA2048"}, LK_CERT_TRUSTED},
        {"SHA-512", {LEAF, KU, EKU, .hash = "SHA512"}, LK_CERT_TRUSTED},
        {"non-repudiation too",
         {LEAF, EKU, .ku = "critical,digitalSignature,nonRepudiation"},
         LK_CERT_TRUSTED},
        {"version 1", {LEAF, KU, EKU, .v1 = true}, LK_CERT_INVALID},
        {"no AKI", {LEAF, KU, EKU, .no_aki = true}, LK_CERT_INVALID},
        {"no key usage", {LEAF, EKU}, LK_CERT_INVALID},
        {"key usage without signing", {LEAF, EKU, .ku = "critical,keyEncipherment"}, LK_CERT_INVALID},
        {"key usage of an authority",
         {LEAF, EKU, .ku = "critical,digitalSignature,keyCertSign"},
         LK_CERT_INVALID},
        {"no extended key usage", {LEAF, KU}, LK_CERT_INVALID},
        {"any usage", {LEAF, KU, .eku = "emailProtection,anyExtendedKeyUsage"}, LK_CERT_INVALID},
        {"time stamps alone", {LEAF, KU, .eku = "timeStamping"}, LK_CERT_INVALID},
        {"time stamps and mail", {LEAF, KU, .eku = "emailProtection,timeStamping"}, LK_CERT_INVALID},
        {"OCSP and mail", {LEAF, KU, .eku = "emailProtection,OCSPSigning"}, LK_CERT_INVALID},
        {"code signing", {LEAF, KU, .eku = "codeSigning"}, LK_CERT_INVALID},
        {"web server", {LEAF, KU, .eku = "serverAuth"}, LK_CERT_INVALID},
        {"an authority", {.name = "leaf", .bc = "critical,CA:TRUE", KU, EKU}, LK_CERT_INVALID},
        {"P-224", {LEAF, KU, EKU, .key = "P-224"}, LK_CERT_INVALID},
        {"Bitcoin's curve", {LEAF, KU, EKU, .key = "secp256k1"}, LK_CERT_INVALID},
        {"curve spelled out", {LEAF, KU, EKU, .explicit_curve = true}, LK_CERT_INVALID},
        {"RSA 1024", {LEAF, KU, EKU, .key = "RSA1024"}, LK_CERT_INVALID},
        {"Ed448", {LEAF, KU, EKU, .key = "ED448"}, LK_CERT_INVALID},
        {"SHA-1", {LEAF, KU, EKU, .hash = "SHA1"}, LK_CERT_INVALID},
        {"unknown critical extension", {LEAF, KU, EKU, .unknown_critical = true}, LK_CERT_INVALID},
        {"expired", {LEAF, KU, EKU, .until = NOW - 1}, LK_CERT_EXPIRED},
        {"not yet valid", {LEAF, KU, EKU, .from = NOW + 1}, LK_CERT_EXPIRED},
        {"its first second", {LEAF, KU, EKU, .from = NOW}, LK_CERT_TRUSTED},
        {"its last second", {LEAF, KU, EKU, .until = NOW + 1}, LK_CERT_TRUSTED},
        {"the second after", {LEAF, KU, EKU, .until = NOW}, LK_CERT_EXPIRED},
    };
    made_cert root = cert_make(&(cert_plan)ROOT, NULL);
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        char why[160] = "";
        made_cert leaf = cert_make(&rows[i].plan, &root);
        lk_cert_verdict got = lk_cert_judge(&leaf.der, 1, &root.der, 1, NOW, why);
        CHECK(got == rows[i].want, "%s: verdict %d, wanted %d: %s", rows[i].what, (int)got, (int)rows[i].want,
              why);
        CHECK(*why, "%s: a reason", rows[i].what);
        cert_free(&leaf);
    }
    cert_free(&root);
}

static void pss_certificates(void)
{
    char why[160];
    made_cert root = cert_make(
        &(cert_plan){
            .name = "root", .key = "RSA2048", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign"},
        NULL);
    made_cert good = cert_make(&(cert_plan){LEAF, KU, EKU, .pss = true, .hash = "SHA256"}, &root);
    made_cert weak = cert_make(&(cert_plan){LEAF, KU, EKU, .pss = true, .hash = "SHA1"}, &root);
    CHECK(lk_cert_judge(&good.der, 1, &root.der, 1, NOW, why) == LK_CERT_TRUSTED, "%s", why);
    CHECK(lk_cert_judge(&weak.der, 1, &root.der, 1, NOW, why) == LK_CERT_INVALID, "%s", why);
    cert_free(&good);
    cert_free(&weak);
    cert_free(&root);
}

static void chains(void)
{
    char why[160];
    made_cert root = cert_make(&(cert_plan)ROOT, NULL), imposter = cert_make(&(cert_plan)ROOT, NULL);
    made_cert mid = cert_make(
        &(cert_plan){.name = "mid", .bc = "critical,CA:TRUE,pathlen:0", .ku = "critical,keyCertSign"}, &root);
    made_cert low =
        cert_make(&(cert_plan){.name = "low", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign"}, &mid);
    made_cert old = cert_make(
        &(cert_plan){.name = "old", .bc = "critical,CA:TRUE", .ku = "critical,keyCertSign", .until = NOW - 1},
        &root);
    made_cert no_ca = cert_make(&(cert_plan){.name = "no ca", .bc = "critical,CA:FALSE", KU, EKU}, &root);
    cert_plan plan = {LEAF, KU, EKU};
    made_cert leaf = cert_make(&plan, &mid), deep = cert_make(&plan, &low), late = cert_make(&plan, &old),
              rogue = cert_make(&plan, &no_ca), alone = cert_make(&plan, NULL),
              fake = cert_make(&plan, &imposter);
#define JUDGE(anchor, at, ...)                                                                               \
    lk_cert_judge((lk_der[]){__VA_ARGS__}, (int)(sizeof((lk_der[]){__VA_ARGS__}) / sizeof(lk_der)),          \
                  &(anchor).der, 1, at, why)
    CHECK(JUDGE(root, NOW, leaf.der, mid.der) == LK_CERT_TRUSTED, "%s", why);
    CHECK(JUDGE(root, NOW, leaf.der, mid.der, root.der) == LK_CERT_TRUSTED, "%s", why);
    CHECK(JUDGE(mid, NOW, leaf.der) == LK_CERT_TRUSTED, "an anchor that is no root: %s", why);
    CHECK(JUDGE(root, NOW, leaf.der) == LK_CERT_UNTRUSTED, "the middle is missing: %s", why);
    CHECK(JUDGE(root, NOW, leaf.der, root.der) == LK_CERT_INVALID, "the middle is missing: %s", why);
    CHECK(JUDGE(root, NOW, leaf.der, root.der, mid.der) == LK_CERT_INVALID, "out of order: %s", why);
    CHECK(JUDGE(root, NOW, deep.der, low.der, mid.der) == LK_CERT_UNTRUSTED,
          "longer than the middle allows: %s", why);
    CHECK(JUDGE(root, NOW, late.der, old.der) == LK_CERT_UNTRUSTED, "an expired middle: %s", why);
    CHECK(JUDGE(root, NOW - DAY / 2, late.der, old.der) == LK_CERT_TRUSTED, "before it expired: %s", why);
    CHECK(JUDGE(root, NOW, rogue.der, no_ca.der) == LK_CERT_INVALID, "issued by a signer: %s", why);
    CHECK(JUDGE(no_ca, NOW, rogue.der) == LK_CERT_UNTRUSTED, "a trusted signer is no issuer: %s", why);
    CHECK(JUDGE(root, NOW, alone.der) == LK_CERT_UNTRUSTED, "self-signed: %s", why);
    CHECK(JUDGE(alone, NOW, alone.der) == LK_CERT_TRUSTED, "self-signed and named: %s", why);
    CHECK(JUDGE(root, NOW, fake.der) == LK_CERT_UNTRUSTED, "the name is right, the key is not: %s", why);
    CHECK(JUDGE(root, NOW, fake.der, root.der) == LK_CERT_INVALID, "the name is right, the key is not: %s",
          why);
    CHECK(JUDGE(root, NOW, fake.der, imposter.der) == LK_CERT_UNTRUSTED, "another root of that name: %s",
          why);
#undef JUDGE
    lk_der many[11];
    for (int i = 0; i < 11; i++) many[i] = leaf.der;
    CHECK_INT(lk_cert_judge(many, 11, &root.der, 1, NOW, why), LK_CERT_INVALID);
    made_cert *all[] = {&root, &imposter, &mid,  &low,   &old,   &no_ca,
                        &leaf, &deep,     &late, &rogue, &alone, &fake};
    for (size_t i = 0; i < LK_COUNT(all); i++) cert_free(all[i]);
}

static void pem_bundles(void)
{
    made_cert a = cert_make(&(cert_plan)ROOT, NULL), b = cert_make(&(cert_plan){LEAF, KU, EKU}, &a);
    lk_der both[2] = {b.der, a.der}, back[4];
    char *pem;
    int n = 0;
    CHECK_OK(lk_cert_to_pem(both, 2, &pem, &err), &err);
    char *loose = lk_strfmt("words before\n%swords after\n", pem);
    CHECK_OK(lk_cert_from_pem(loose, strlen(loose), back, 4, &n, &err), &err);
    CHECK_INT(n, 2);
    for (int i = 0; i < n; i++) {
        CHECK(back[i].n == both[i].n && !memcmp(back[i].data, both[i].data, back[i].n), "certificate %d", i);
        lk_free(back[i].data);
    }
    CHECK_STATUS(lk_cert_from_pem(pem, strlen(pem), back, 1, &n, &err), LK_E_RANGE, &err);
    CHECK_INT(n, 0);
    CHECK_STATUS(lk_cert_from_pem("nothing", 7, back, 4, &n, &err), LK_E_FORMAT, &err);
    char *first = strchr(pem, '\n') + 8;
    *first = *first == 'A' ? 'B' : 'A';
    CHECK(lk_cert_from_pem(pem, strlen(pem), back, 4, &n, &err) != LK_OK && n == 0, "damaged");
    lk_free(loose);
    lk_free(pem);
    cert_free(&a);
    cert_free(&b);
}

/* Cut at every length and with every byte changed: a verdict, never a crash, and never trust. */
static void hostile_certificates(void)
{
    made_cert root = cert_make(&(cert_plan)ROOT, NULL), leaf = cert_make(&(cert_plan){LEAF, KU, EKU}, &root);
    lk_cert_info info;
    char why[160];
    for (size_t n = 0; n < leaf.der.n; n++) {
        lk_der cut = {lk_alloc(n), n}; /* its own block, so that a sanitizer sees the end */
        memcpy(cut.data, leaf.der.data, n);
        CHECK(lk_cert_judge(&cut, 1, &root.der, 1, NOW, why) == LK_CERT_INVALID, "cut at %zu", n);
        CHECK(lk_cert_read(cut.data, cut.n, &info, &err) == LK_E_FORMAT, "cut at %zu", n);
        lk_free(cut.data);
    }
    lk_der longer = {lk_calloc(1, leaf.der.n + 1), leaf.der.n + 1};
    memcpy(longer.data, leaf.der.data, leaf.der.n);
    CHECK_INT(lk_cert_judge(&longer, 1, &root.der, 1, NOW, why), LK_CERT_INVALID);
    lk_free(longer.data);
    lk_der flipped = copy(&leaf.der);
    for (size_t i = 0; i < flipped.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            flipped.data[i] ^= (uint8_t)(1 << bit);
            CHECK(lk_cert_judge(&flipped, 1, &root.der, 1, NOW, why) != LK_CERT_TRUSTED,
                  "byte %zu bit %d: %s", i, bit, why);
            (void)lk_cert_read(flipped.data, flipped.n, &info, &err);
            (void)lk_cert_verify(flipped.data, flipped.n, LK_PK_ES256, "words", 5, flipped.data, 64);
            flipped.data[i] ^= (uint8_t)(1 << bit);
        }
    lk_free(flipped.data);
    cert_free(&root);
    cert_free(&leaf);
}

static void strange_names(void)
{
    lk_cert_info info;
    char long_name[61];
    memset(long_name, 'x', 60);
    long_name[60] = '\0';
    made_cert a = cert_make(&(cert_plan){.name = "line\nbreak\x7f"}, NULL);
    CHECK_OK(lk_cert_read(a.der.data, a.der.n, &info, &err), &err);
    CHECK_STR(info.common_name, "line?break?");
    CHECK(!strchr(info.subject, '\n'), "%s", info.subject);
    cert_free(&a);
    a = cert_make(&(cert_plan){.name = long_name}, NULL);
    CHECK_OK(lk_cert_read(a.der.data, a.der.n, &info, &err), &err);
    CHECK_STR(info.common_name, long_name);
    cert_free(&a);
}

static const check_test tests[] = {
    {"made_certificates", made_certificates},
    {"profile", profile},
    {"pss_certificates", pss_certificates},
    {"chains", chains},
    {"pem_bundles", pem_bundles},
    {"hostile_certificates", hostile_certificates},
    {"strange_names", strange_names},
};
CHECK_MAIN(tests)
