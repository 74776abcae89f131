/* test_terms.c: one meaning, one encoding. */
#include "consent/internal.h"
#include "world.h"

static lk_consent_terms sample(void)
{
    lk_consent_terms t = {.version = 2,
                          .created = START,
                          .from = START,
                          .until = START + 365 * DAY,
                          .uses = LK_USE_FACE_SOURCE | LK_USE_LIPS,
                          .duties = LK_DUTIES_ALWAYS | LK_DUTY_CREDIT,
                          .quota = 12,
                          .age = LK_AGE_ADULT,
                          .assurance = LK_ASSURED_LIVE,
                          .ban_count = 2,
                          .grantee_count = 2,
                          .subject_holds_key = true};
    strcpy(t.id, "11111111-1111-4111-8111-111111111111");
    strcpy(t.subject, "22222222-2222-4222-8222-222222222222");
    strcpy(t.statement, "my face in \"Dawn\"\nand its trailer \xE2\x82\xAC");
    strcpy(t.project, "Dawn");
    strcpy(t.territory, "EU");
    strcpy(t.compensation, "500 EUR a day");
    strcpy(t.contact, "agent@example.org");
    strcpy(t.bans[0], "advertising");
    strcpy(t.bans[1], "alcohol");
    strcpy(t.grantees[0].name, "Studio One");
    strcpy(t.grantees[1].name, "Studio Two");
    memset(t.grantees[0].key, 1, sizeof t.grantees[0].key);
    memset(t.grantees[1].key, 2, sizeof t.grantees[1].key);
    memset(t.subject_key, 3, sizeof t.subject_key);
    memset(t.studio_key, 1, sizeof t.studio_key);
    memset(t.previous.b, 4, sizeof t.previous.b);
    memset(t.personal.b, 5, sizeof t.personal.b);
    return t;
}

static void test_round_trip(void)
{
    lk_error err = {0};
    lk_consent_terms t = sample(), back;
    lk_bytes a = {0}, b = {0};
    CHECK_OK(lk_consent_encode(&t, &a, &err), &err);
    CHECK_OK(lk_consent_decode(a.b, a.len, &back, &err), &err);
    CHECK_OK(lk_consent_encode(&back, &b, &err), &err);
    CHECK(a.len == b.len && !memcmp(a.b, b.b, a.len), "%zu bytes, then %zu", a.len, b.len);
    CHECK_STR(back.statement, t.statement);
    CHECK_STR(back.bans[1], "alcohol");
    CHECK_STR(back.grantees[1].name, "Studio Two");
    CHECK(back.quota == 12 && back.assurance == LK_ASSURED_LIVE && back.subject_holds_key &&
              !back.depicts_nobody,
          "fields differ");
    CHECK(lk_hash_equal(&back.previous, &t.previous) && !terms_hash_given(&back.evidence), "hashes differ");
    /* RFC 8949 4.2.1: keys in bytewise order of their encoding. */
    lk_arena *arena = NULL;
    lk_cbor *map = NULL;
    CHECK_OK(lk_arena_new(&arena, 4096), &err);
    CHECK_OK(lk_cbor_parse(a.b, a.len, LK_CBOR_STRICT, arena, &map, &err), &err);
    for (const lk_cbor *v = map->child; v && v->next; v = v->next) {
        const lk_cbor *k = v->key, *n = v->next->key;
        int c = memcmp(k->start, n->start, LK_MIN(k->size, n->size));
        CHECK(c < 0, "%.*s before %.*s", (int)k->number, k->data, (int)n->number, n->data);
    }
    lk_arena_free(arena);
    lk_bytes_clear(&a);
    lk_bytes_clear(&b);
}

/* Whatever byte is changed, cut or added: it is no record, or one that says something else in its own bytes.
 */
static void test_every_byte(void)
{
    lk_error err = {0};
    lk_consent_terms t = sample(), back;
    lk_bytes a = {0};
    int still = 0;
    CHECK_OK(lk_consent_encode(&t, &a, &err), &err);
    for (size_t i = 0; i < a.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            a.b[i] ^= (uint8_t)(1 << bit);
            if (lk_consent_decode(a.b, a.len, &back, &err) == LK_OK) {
                lk_bytes again = {0};
                CHECK_OK(lk_consent_encode(&back, &again, &err), &err);
                CHECK(again.len == a.len && !memcmp(again.b, a.b, a.len), "byte %zu is read two ways", i);
                lk_bytes_clear(&again);
                still++;
            }
            a.b[i] ^= (uint8_t)(1 << bit);
        }
        CHECK_STATUS(lk_consent_decode(a.b, i, &back, &err), LK_E_FORMAT, &err);
    }
    CHECK(still > 1000, "%d changes are records of their own", still); /* letters, keys, numbers */
    lk_bytes_u8(&a, 0);
    CHECK_STATUS(lk_consent_decode(a.b, a.len, &back, &err), LK_E_FORMAT, &err);
    lk_bytes_clear(&a);
}

static void expect_refused(lk_bytes *a, const char *from, const char *to)
{
    lk_error err = {0};
    lk_consent_terms back;
    size_t n = strlen(from);
    CHECK_INT(strlen(to), n);
    uint8_t *at = memmem(a->b, a->len, from, n);
    CHECK(at, "'%s' is not in the record", from);
    if (!at) return;
    memcpy(at, to, n);
    CHECK_STATUS(lk_consent_decode(a->b, a->len, &back, &err), LK_E_FORMAT, &err);
    CHECK(!*back.statement && !back.uses, "a refused record leaves something behind");
    memcpy(at, from, n);
}

/* What a person with a hex editor would try. */
static void test_bent(void)
{
    lk_error err = {0};
    lk_consent_terms t = sample(), back;
    lk_bytes a = {0};
    CHECK_OK(lk_consent_encode(&t, &a, &err), &err);
    for (const lk_ban *b = lk_consent_bans(); b->word; b++) { /* no ban goes */
        char other[64];
        snprintf(other, sizeof other, "%s", b->word);
        other[0] = 'X';
        expect_refused(&a, b->word, other);
    }
    expect_refused(&a, "watermark", "nothingxx"); /* an unknown duty */
    expect_refused(&a, "likeness-consent-2", "likeness-consent-3");
    expect_refused(&a, "at any time", "on Sundays ");
    expect_refused(&a, "adult", "child");
    expect_refused(&a, "territory", "territorz");
    expect_refused(&a, "and its", "and\x1b[1m");
    CHECK_OK(lk_consent_decode(a.b, a.len, &back, &err), &err);
    lk_bytes_clear(&a);

    t.ban_count = LK_CONSENT_BANS + 1;
    CHECK_STATUS(lk_consent_encode(&t, &a, &err), LK_E_RANGE, &err);
    t = sample();
    t.grantee_count = 0;
    CHECK_STATUS(lk_consent_encode(&t, &a, &err), LK_E_RANGE, &err);
    t = sample();
    strcpy(t.statement, "good \xE2\x80\xAE"
                        "lairt"); /* right to left */
    CHECK_STATUS(lk_consent_encode(&t, &a, &err), LK_E_ARG, &err);
    t = sample();
    t.uses = 1 << 9;
    CHECK_STATUS(lk_consent_encode(&t, &a, &err), LK_E_ARG, &err);
    t = sample();
    t.quota = -1;
    CHECK_STATUS(lk_consent_encode(&t, &a, &err), LK_E_RANGE, &err);
    lk_bytes_clear(&a);
}

static void test_birthdays(void)
{
    static const struct {
        const char *date;
        int years;
        int64_t want;
    } rows[] = {
        {"1970-01-01", 0, 0},           {"1970-01-02", 0, DAY},         {"2000-02-29", 0, 951782400},
        {"2000-03-01", 18, 1519862400}, {"2000-02-29", 18, 1519862400}, /* no 29 February in 2018: the day
                                                                           after */
        {"2000-02-28", 18, 1519776000}, {"2008-02-29", 20, 1835395200}, {"1969-12-31", 0, -DAY},
        {"2010-06-15", 18, 1844640000}, {"1900-03-01", 0, -2203891200},
    };
    lk_error err = {0};
    int64_t when;
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        CHECK_OK(personal_birthday(rows[i].date, rows[i].years, &when, &err), &err);
        CHECK(when == rows[i].want, "%s + %d: %lld, wanted %lld", rows[i].date, rows[i].years,
              (long long)when, (long long)rows[i].want);
    }
    static const char *const bad[] = {"",           "2000-13-01",  "2000-00-10", "2001-02-29",
                                      "1900-02-29", "2000-1-1",    "2000-01-32", "20000-01-01",
                                      "2000/01/01", "2000-01-01 ", "+200-01-01"};
    for (size_t i = 0; i < LK_COUNT(bad); i++)
        CHECK_STATUS(personal_birthday(bad[i], 18, &when, &err), LK_E_ARG, &err);
}

static void test_personal(void)
{
    lk_error err = {0};
    lk_personal p = {.legal_name = "Ann A. Other", .birth_date = "2012-05-01", .contact = "ann@example.org"},
                back;
    lk_bytes a = {0};
    memset(p.salt, 7, sizeof p.salt);
    strcpy(p.guardians[0], "G. Uardian");
    CHECK_OK(lk_personal_encode(&p, &a, &err), &err);
    CHECK_OK(lk_personal_decode(a.b, a.len, &back, &err), &err);
    CHECK(!memcmp(&p, &back, sizeof p), "the block came back changed");
    for (size_t n = 0; n < a.len; n++)
        CHECK_STATUS(lk_personal_decode(a.b, n, &back, &err), LK_E_FORMAT, &err);
    lk_bytes_clear(&a);
    strcpy(p.birth_date, "2012-05-41");
    CHECK_STATUS(lk_personal_encode(&p, &a, &err), LK_E_ARG, &err);
    lk_bytes_clear(&a);
}

static void test_words(void)
{
    lk_error err = {0};
    char words[128];
    CHECK_INT(lk_duty_parse("label,credit", &err), LK_DUTY_LABEL | LK_DUTY_CREDIT);
    CHECK_INT(lk_duty_parse("labels", &err), 0);
    lk_duty_print(LK_DUTIES_ALWAYS, words, sizeof words);
    CHECK_STR(words, "label,c2pa,watermark");
    CHECK_STR(lk_age_name(LK_AGE_DECEASED), "deceased");
    CHECK_STR(lk_assurance_name(LK_ASSURED_REVIEWED), "reviewed");
}

/* The page holds everything that matters, in lines that a terminal and a printer take. */
static void test_summary(void)
{
    lk_error err = {0};
    lk_consent_terms t = sample();
    lk_personal p = {.legal_name = "Ann A. Other"};
    lk_text page = {0};
    CHECK_OK(lk_consent_summary(&t, &p, "Ann", NULL, NULL, &page, &err), &err);
    static const char *const must[] = {"Ann A. Other",  "Dawn",        "Not signed yet", "2028-01-15",
                                       "500 EUR a day", "12 finished", "advertising",    "sexual",
                                       "watermark",     "withdraw",    "Studio Two",     "agent@example.org"};
    for (size_t i = 0; i < LK_COUNT(must); i++)
        CHECK(strstr(page.s, must[i]), "the page lacks '%s'", must[i]);
    int lines = 0;
    for (const char *l = page.s; *l; l += strcspn(l, "\n") + 1, lines++)
        CHECK(strcspn(l, "\n") <= 84, "a line is too long: %.*s", (int)strcspn(l, "\n"), l);
    CHECK(lines > 30 && lines <= 66, "%d lines are no page", lines);
    lk_text_clear(&page);
}

static const check_test tests[] = {
    {"round trip", test_round_trip}, {"every byte", test_every_byte}, {"bent", test_bent},
    {"birthdays", test_birthdays},   {"personal", test_personal},     {"words", test_words},
    {"summary", test_summary},
};
CHECK_MAIN(tests)
