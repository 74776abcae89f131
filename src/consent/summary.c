/* summary.c: the record in plain words, on one page, for both parties: what a person reads before saying yes.
 */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

enum { WIDTH = 78, INDENT = 2 };

/* Words wrapped at WIDTH behind an indent; mark ("- ") stands before the first line. Bytes count as columns
 * but for the later bytes of a letter. */
static void wrapped(lk_text *t, const char *mark, const char *text)
{
    int hang = INDENT + (int)strlen(mark), column = hang;
    lk_text_add(t, "%*s%s", INDENT, "", mark);
    bool first = true;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " \n");
        int width = 0;
        for (size_t i = 0; i < n; i++) width += ((unsigned char)p[i] & 0xC0) != 0x80;
        if (n && !first && column + 1 + width > WIDTH) {
            lk_text_add(t, "\n%*s", hang, "");
            column = hang;
            first = true;
        }
        if (n) lk_text_add(t, "%s%.*s", first ? "" : " ", (int)n, p);
        column += width + !first;
        first = first && !n;
        p += n;
        if (*p == '\n') {
            lk_text_add(t, "\n%*s", hang, "");
            column = hang;
            first = true;
        }
        if (*p) p++;
    }
    lk_text_add(t, "\n");
}

LK_PRINTF(3, 4) static void line(lk_text *t, const char *mark, const char *fmt, ...)
{
    char text[1400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    wrapped(t, mark, text);
}

static void heading(lk_text *t, const char *words) { lk_text_add(t, "\n%s\n", words); }

static void hex_of(const uint8_t *b, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", b[i]);
}

static void say_who(const lk_consent_terms *t, const lk_personal *p, const char *name, lk_text *out)
{
    static const uint8_t none[LK_SIGN_PUBLIC];
    char key[2 * LK_SIGN_PUBLIC + 1], born[11];
    heading(out, "WHO");
    for (const word_row *w = age_words; w->word; w++)
        if (w->value == (int64_t)t->age)
            line(out, "", "%s, %s", name,
                 t->depicts_nobody ? "a synthetic actor who depicts nobody" : w->meaning);
    if (p && *p->legal_name) line(out, "", "Legal name: %s", p->legal_name);
    if (p && *p->birth_date) line(out, "", "Born: %s", p->birth_date);
    if (p && *p->contact) line(out, "", "Contact: %s", p->contact);
    for (int i = 0; p && i < 2 && *p->guardians[i]; i++) line(out, "", "Guardian: %s", p->guardians[i]);
    if (p && *p->estate) line(out, "", "For the estate: %s", p->estate);
    if (t->age == LK_AGE_MINOR) {
        char iso[32];
        lk_time_iso(t->adult_at, iso);
        snprintf(born, sizeof born, "%.10s", iso);
        line(out, "", "Agreed to by %lld guardian%s; ends by itself on the 18th birthday, %s.",
             (long long)t->guardians, t->guardians == 1 ? "" : "s", born);
    }
    hex_of(t->subject_key, LK_SIGN_PUBLIC, key);
    if (!t->subject_holds_key) {
        line(out, "",
             "THE STUDIO HELD BOTH KEYS when this was signed: the signature shows what the studio recorded, "
             "not "
             "that the person signed by their own hand.");
    } else if (!memcmp(t->subject_key, none, sizeof none)) {
        line(out, "", "To be signed with a key that the person alone holds.");
    } else {
        line(out, "", "Signs with a key that the person alone holds: %s", key);
    }
    for (const word_row *w = assurance_words; w->word; w++)
        if (w->value == (int64_t)t->assurance) line(out, "", "How sure: %s (%s).", w->meaning, w->word);
}

static void say_what(const lk_consent_terms *t, lk_text *out)
{
    char from[32], until[32], key[2 * LK_SIGN_PUBLIC + 1];
    heading(out, "WHAT MAY BE DONE");
    for (const word_row *w = use_words; w->word; w++)
        if (t->uses & (uint32_t)w->value) line(out, "- ", "%s (%s)", w->meaning, w->word);
    heading(out, "WHAT FOR");
    line(out, "", "\"%s\"", t->statement);
    line(out, "", "Project: %s. Where: %s.", t->project, t->territory);
    if (t->quota) line(out, "", "At most %lld finished outputs.", (long long)t->quota);
    else line(out, "", "No limit to the number of outputs.");
    heading(out, "BY WHOM, UNTIL WHEN, FOR WHAT PAY");
    for (int i = 0; i < t->grantee_count; i++) {
        hex_of(t->grantees[i].key, LK_SIGN_PUBLIC, key);
        line(out, "- ", "%s (key %.16s...)", t->grantees[i].name, key);
    }
    lk_time_iso(t->from, from);
    lk_time_iso(t->until, until);
    line(out, "", "From %.10s until %.10s %.5s UTC.", from, until, until + 11);
    line(out, "", "Pay: %s.", t->compensation);
}

static void say_limits(const lk_consent_terms *t, lk_text *out)
{
    heading(out, "WHAT MUST NEVER BE DONE (the first six hold in every record)");
    for (const lk_ban *b = lk_consent_bans(); b->word; b++) line(out, "- ", "%s", b->meaning);
    for (int i = 0; i < t->ban_count; i++) line(out, "- ", "%s", t->bans[i]);
    heading(out, "WHAT EVERY OUTPUT OWES ITS VIEWERS");
    for (const word_row *w = duty_words; w->word; w++)
        if (t->duties & (uint32_t)w->value) line(out, "- ", "%s", w->meaning);
    heading(out, "HOW TO WITHDRAW");
    line(out, "",
         "At any time and without reasons. From the moment it is in the log nothing more is trained or made; "
         "what "
         "was published before stays marked and can be found by its marks.");
    line(out, "", "Ask: %s", t->contact);
    if (t->subject_holds_key)
        line(out, "",
             "Or by your own hand: likeness consent withdraw THE-SIGNED-FILE --key YOUR-KEY, and send the "
             "studio "
             "what it writes.");
    heading(out, "WHAT THIS CANNOT DO");
    line(
        out, "",
        "The program keeps to this record and shows when it was tampered with. It cannot hinder somebody who "
        "changes the program, and it cannot judge whether what is shown keeps to the words above: that is a "
        "matter "
        "between the two who sign, and of the law.");
}

lk_status lk_consent_summary(const lk_consent_terms *t, const lk_personal *personal, const char *name,
                             const lk_hash *id, const char *state, lk_text *out, lk_error *err)
{
    char hex[LK_HASH_HEX];
    lk_text_add(out, "CONSENT TO A SYNTHETIC LIKENESS\n");
    line(out, "", "Record %s, version %lld%s%s", t->id, (long long)t->version, state ? ", " : "",
         state ? state : "");
    if (id) {
        lk_hash_hex(id, hex);
        line(out, "", "Consent id %s", hex);
    } else {
        line(out, "", "Not signed yet.");
    }
    if (terms_hash_given(&t->previous)) {
        lk_hash_hex(&t->previous, hex);
        line(out, "", "Changes what was agreed to as %s", hex);
    }
    say_who(t, personal, name, out);
    say_what(t, out);
    say_limits(t, out);
    lk_text_add(out,
                "\n  The person _____________________________   The studio ____________________________\n");
    return out->failed ? consent_no_memory(err) : LK_OK;
}
