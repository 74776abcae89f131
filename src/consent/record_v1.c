/* record_v1.c: records of the first form: one line of JSON, signed by both over its bytes. They stay what
 * they were: good for what was agreed to, in the one studio whose key they name. Nothing writes them any
 * more. */
#include <string.h>

#include "consent/internal.h"

static lk_status text_of(const lk_consent_terms *t, const lk_subject *subject, lk_text *out, lk_error *err)
{
    char uses[128];
    lk_use_print(t->uses, uses, sizeof uses);
    pair_text(out, "format", "likeness-consent-1");
    pair_text(out, "id", t->id);
    pair_text(out, "subject", subject->id);
    pair_text(out, "subject_name", subject->name);
    pair_int(out, "depicts_nobody", subject->depicts_nobody);
    pair_hex(out, "subject_key", t->subject_key, LK_SIGN_PUBLIC);
    pair_hex(out, "studio_key", t->studio_key, LK_SIGN_PUBLIC);
    pair_text(out, "project", t->project);
    pair_text(out, "statement", t->statement);
    pair_text(out, "uses", uses);
    pair_int(out, "from", t->from);
    pair_int(out, "until", t->until);
    lk_text_add(out, "}");
    return out->failed ? consent_no_memory(err) : LK_OK;
}

static bool copy_member(const lk_json *v, const char *key, char *out, size_t cap)
{
    const char *s = lk_json_string(v, key, NULL);
    if (!s || strlen(s) >= cap) return false;
    strcpy(out, s);
    return true;
}

static bool copy_key(const lk_json *v, const char *key, uint8_t out[LK_SIGN_PUBLIC])
{
    lk_hash h; /* of the same size */
    if (!lk_hash_from_hex(lk_json_string(v, key, ""), &h)) return false;
    memcpy(out, h.b, LK_SIGN_PUBLIC);
    return true;
}

static bool read_members(const lk_json *v, lk_consent_terms *t)
{
    char uses[128];
    double from = lk_json_number(v, "from", -1), until = lk_json_number(v, "until", -1);
    if (!copy_member(v, "id", t->id, sizeof t->id) ||
        !copy_member(v, "subject", t->subject, sizeof t->subject) ||
        !copy_member(v, "project", t->project, sizeof t->project) ||
        !copy_member(v, "statement", t->statement, sizeof t->statement) ||
        !copy_member(v, "uses", uses, sizeof uses) || !copy_key(v, "subject_key", t->subject_key) ||
        !copy_key(v, "studio_key", t->studio_key) ||
        !(from >= 0 && from < 1e15 && until >= 0 && until < 1e15))
        return false;
    t->uses = lk_use_parse(uses, NULL);
    t->from = t->created = (int64_t)from;
    t->until = (int64_t)until;
    return t->uses != 0;
}

/* What the form does not say is what holds for all: the studio alone, and the duties that no output is
 * without. */
static void fill_rest(const lk_subject *subject, lk_consent_terms *t)
{
    t->version = 1;
    t->depicts_nobody = subject->depicts_nobody;
    t->duties = LK_DUTIES_ALWAYS;
    t->grantee_count = 1;
    strcpy(t->grantees[0].name, "the studio");
    memcpy(t->grantees[0].key, t->studio_key, LK_SIGN_PUBLIC);
    strcpy(t->territory, "not said");
    strcpy(t->compensation, "not said");
    strcpy(t->contact, "not said");
}

lk_status record_v1_read(const lk_registry *r, lk_stmt *row, const lk_subject *subject, lk_consent_terms *out,
                         lk_hash *hash, lk_error *err)
{
    uint8_t subject_sig[LK_SIGN_BYTES], studio_sig[LK_SIGN_BYTES];
    lk_arena *arena = NULL;
    lk_json *v = NULL;
    lk_text again = {0};
    const char *text;
    memset(out, 0, sizeof *out);
    LK_TRY(lk_stmt_copy_blob(row, 3, subject_sig, sizeof subject_sig, err));
    LK_TRY(lk_stmt_copy_blob(row, 4, studio_sig, sizeof studio_sig, err));
    LK_TRY(lk_stmt_need_text(row, 2, &text, err));
    size_t n = strlen(text);
    if (lk_arena_new(&arena, 8192) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_json_parse(text, n, arena, &v, err);
    if (s == LK_OK && !read_members(v, out)) s = LK_E_FORMAT;
    /* Writing it again must give the same bytes: nothing hides in it, nothing is read two ways. */
    if (s == LK_OK) s = text_of(out, subject, &again, err);
    if (s == LK_OK &&
        (strcmp(again.s, text) != 0 || memcmp(out->studio_key, r->studio_public, LK_SIGN_PUBLIC) ||
         !lk_sign_check(out->subject_key, text, n, subject_sig) ||
         !lk_sign_check(r->studio_public, text, n, studio_sig)))
        s = LK_E_FORMAT;
    if (s == LK_E_FORMAT) LK_FAIL(err, s, "a consent record of the first form is not what was signed");
    if (s == LK_OK) {
        fill_rest(subject, out);
        *hash = lk_hash_bytes(text, n);
    }
    lk_text_clear(&again);
    lk_arena_free(arena);
    return s;
}
