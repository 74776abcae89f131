/* words.c: the vocabulary of consent: uses, duties, ages, assurance, and what is forbidden always. One table
 * a family; records, options, summaries and lists are read off these rows. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

const word_row use_words[] = {
    {LK_USE_FACE_SOURCE, "face-source", "my face may be put on somebody else's filmed performance"},
    {LK_USE_FACE_TARGET, "face-target", "my filmed performance may get another face"},
    {LK_USE_VOICE, "voice", "my voice may be imitated"},
    {LK_USE_EXPRESSION, "expression", "my filmed expression may be changed, or drive another face"},
    {LK_USE_LIPS, "lips", "my lips may be made to fit other words"},
    {LK_USE_CHARACTER, "character", "a synthetic character may be built from my likeness"},
    {0, NULL, NULL},
};

const word_row duty_words[] = {
    {LK_DUTY_LABEL, "label", "a visible label says that the media is synthetic"},
    {LK_DUTY_SPOKEN, "spoken", "a spoken notice says so where there is sound only"},
    {LK_DUTY_C2PA, "c2pa", "a signed C2PA manifest says how it was made"},
    {LK_DUTY_WATERMARK, "watermark", "an imperceptible watermark is in it"},
    {LK_DUTY_CREDIT, "credit", "the person is named in the credits"},
    {0, NULL, NULL},
};

const word_row age_words[] = {
    {LK_AGE_ADULT, "adult", "an adult"},
    {LK_AGE_MINOR, "minor", "a minor, for whom guardians agree"},
    {LK_AGE_DECEASED, "deceased", "a deceased person, for whom the estate agrees"},
    {0, NULL, NULL},
};

const word_row assurance_words[] = {
    {LK_ASSURED_UNVERIFIED, "unverified", "nobody checked that the signer is the person depicted"},
    {LK_ASSURED_UPLOAD, "upload", "an uploaded recording answered a challenge and was checked"},
    {LK_ASSURED_LIVE, "live", "a live recording answered a challenge and was checked"},
    {LK_ASSURED_REVIEWED, "reviewed", "a recording answered a challenge and a named person looked at it"},
    {0, NULL, NULL},
};

static const lk_ban bans[] = {
    {"sexual", "anything sexual or nude"},
    {"violence-or-crime", "showing the person committing or suffering violence or crime"},
    {"political-endorsement", "supporting or opposing a party, a candidate or a vote"},
    {"fraud-or-identity-check", "deceiving anybody about who is speaking, or passing an identity check"},
    {"medical-or-financial-advice", "advice about health or money"},
    {"minors-sexualised", "a minor in any sexualised context, whoever the person is"},
    {NULL, NULL},
};

const lk_ban *lk_consent_bans(void) { return bans; }

const char *word_of(const word_row *rows, int64_t value)
{
    for (; rows->word; rows++)
        if (rows->value == value) return rows->word;
    return "";
}

bool word_find(const word_row *rows, const char *word, size_t n, int64_t *value)
{
    for (; rows->word; rows++)
        if (strlen(rows->word) == n && !memcmp(rows->word, word, n)) {
            *value = rows->value;
            return true;
        }
    return false;
}

uint32_t words_all(const word_row *rows)
{
    uint32_t all = 0;
    for (; rows->word; rows++) all |= (uint32_t)rows->value;
    return all;
}

static void print_set(const word_row *rows, uint32_t set, char *out, size_t n)
{
    size_t at = 0;
    if (n > 0) *out = '\0';
    for (; rows->word && at < n; rows++)
        if (set & (uint32_t)rows->value)
            at += (size_t)snprintf(out + at, n - at, "%s%s", at ? "," : "", rows->word);
}

static uint32_t parse_set(const word_row *rows, const char *what, const char *words, lk_error *err)
{
    uint32_t set = 0;
    const char *p = words ? words : "";
    for (;;) {
        size_t n = strcspn(p, ",");
        int64_t one = 0;
        if (!word_find(rows, p, n, &one)) {
            char known[128];
            print_set(rows, words_all(rows), known, sizeof known);
            LK_FAIL(err, LK_E_ARG, "'%.*s' is no %s; there are: %s", (int)LK_MIN(n, (size_t)40), p, what,
                    known);
            return 0;
        }
        set |= (uint32_t)one;
        if (!p[n]) return set;
        p += n + 1;
    }
}

uint32_t lk_use_parse(const char *words, lk_error *err)
{
    return parse_set(use_words, "use that one can agree to", words, err);
}

void lk_use_print(uint32_t uses, char *out, size_t n) { print_set(use_words, uses, out, n); }

uint32_t lk_duty_parse(const char *words, lk_error *err)
{
    return parse_set(duty_words, "duty of disclosure", words, err);
}

void lk_duty_print(uint32_t duties, char *out, size_t n) { print_set(duty_words, duties, out, n); }

const char *lk_age_name(lk_age a) { return word_of(age_words, a); }

const char *lk_assurance_name(lk_assurance a) { return word_of(assurance_words, a); }
