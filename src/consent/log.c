/* log.c: the rows of the log, as leaves and in plain words. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"
#include "consent/log.h"

/* {field} stands for the detail's field; subject and rule are said in words. */
static const struct {
    const char *kind, *words;
} templates[] = {
    {"registry", "the registry was made, with the studio's key {studio_key}"},
    {"project", "the project was named \"{name}\""},
    {"moved", "the registry was declared to live here from now on, and nowhere else"},
    {"subject", "{subject} was added"},
    {"request", "{subject} was asked to sign version {version} of record {record}"},
    {"consent", "{subject} agreed to record {record} (their key is held by the {key_holder})"},
    {"amend",
     "{subject} agreed to version {version} of record {record} (their key is held by the {key_holder})"},
    {"revoke", "record {record} was revoked by the {signed_by}: {reason}"},
    {"grant", "{use} of {subject} was granted on record {record}, for: {what_for}"},
    {"refused", "{use} of {subject} was refused, for: {what_for}; because {rule}"},
    {"asset", "a {kind} came to be: {asset}"},
    {"bind", "a {kind} was encrypted and bound to consent, key {key}"},
    {"destroy", "keys of {keys} bound files were destroyed with record {record}"},
    {"export", "the key {key} of a {kind} was sealed to the studio {studio}"},
    {"challenge", "{subject} was asked to answer challenge {challenge}"},
    {"enrol", "{subject} was enrolled ({level}), enrolment {enrolment}"},
    {"protect", "somebody who must never be cloned was put on the list, entry {enrolment}"},
    {"unprotect", "entry {enrolment} was taken off the list of those who must never be cloned"},
    {"review", "{reviewer} decided that {subject} is seen or heard, score {score}"},
    {"erase", "{subject} is to be forgotten: consent ended, keys destroyed"},
    {"erased", "{subject} was forgotten, {files} files removed"},
};

static void add_field(lk_text *t, const lk_json *detail, const char *field, size_t n, lk_registry *r)
{
    char key[32], number[32];
    snprintf(key, sizeof key, "%.*s", (int)n, field);
    const lk_json *v = lk_json_get(detail, key);
    const char *words = v && v->kind == LK_JSON_STRING && *v->string ? v->string : "?";
    lk_subject who;
    if (v && v->kind == LK_JSON_NUMBER) {
        snprintf(number, sizeof number, "%.0f", v->number);
        words = number;
    } else if (!strcmp(key, "rule")) {
        words = rule_words_of(words);
    } else if (!strcmp(key, "subject")) {
        if (!strcmp(words, "?")) words = "somebody unknown";
        else if (r && lk_subject_find(r, words, &who, NULL) == LK_OK) words = who.name;
    }
    lk_text_addn(t, words, strlen(words));
}

lk_status log_words(const char *kind, const char *detail, lk_registry *names, lk_text *out, lk_error *err)
{
    const char *p = NULL;
    lk_arena *arena = NULL;
    lk_json *v = NULL;
    if (lk_arena_new(&arena, 4096) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_json_parse(detail, strlen(detail), arena, &v, err);
    for (size_t i = 0; i < LK_COUNT(templates); i++)
        if (!strcmp(templates[i].kind, kind)) p = templates[i].words;
    if (s == LK_OK && !p) lk_text_add(out, "%s", kind);
    while (s == LK_OK && p && *p) {
        size_t n = strcspn(p, "{");
        lk_text_addn(out, p, n);
        p += n;
        if (*p == '{') {
            n = strcspn(p, "}");
            add_field(out, v, p + 1, n - 1, names);
            p += n + 1;
        }
    }
    lk_arena_free(arena);
    return s == LK_OK && out->failed ? consent_no_memory(err) : s;
}

lk_status log_leaves(lk_registry *r, lk_hash **leaves, int64_t *n, lk_error *err)
{
    lk_stmt *q = NULL;
    audit_row row;
    char text[AUDIT_TEXT];
    int64_t at = 0;
    *leaves = NULL;
    audit_forget(r); /* what is shown to others is verified from the first row */
    LK_TRY(audit_catch_up(r, err));
    *n = r->audit_rows;
    lk_hash *list = lk_calloc((size_t)*n, sizeof *list);
    if (!list) return consent_no_memory(err);
    lk_status s = lk_store_prepare(r->db, AUDIT_QUERY "WHERE seq <= ?1 ORDER BY seq", &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "i", *n);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        s = audit_read(q, &row, err);
        if (s == LK_OK && at < *n) list[at++] = lk_merkle_leaf(text, audit_text(&row, text));
    }
    lk_stmt_free(&q);
    if (s == LK_END)
        s = at == *n ? LK_OK : LK_FAIL(err, LK_E_FORMAT, "the log of %s changed while it was read", r->dir);
    if (s == LK_OK) *leaves = list;
    else lk_free(list);
    return s;
}

/* --- every row ------------------------------------------------------------------------------------ */

typedef struct kept {
    int64_t seq, time;
    char kind[16];
    char *detail;
} kept;
typedef struct kept_list {
    kept *items;
    size_t n, cap;
} kept_list;

static lk_status keep(kept_list *l, const audit_row *row, lk_error *err)
{
    if (l->n == l->cap) {
        size_t cap = l->cap * 2 + 64;
        kept *more = lk_realloc(l->items, l->n * sizeof *more, cap * sizeof *more);
        if (!more) return consent_no_memory(err);
        l->items = more;
        l->cap = cap;
    }
    kept *k = &l->items[l->n];
    *k = (kept){.seq = row->seq, .time = row->time, .detail = lk_strdup(row->detail)};
    if (!k->detail) return consent_no_memory(err);
    snprintf(k->kind, sizeof k->kind, "%s", row->kind);
    l->n++;
    return LK_OK;
}

/* Everything is read before anything is handed out: fn may use the registry. */
lk_status lk_log_each(lk_registry *r, bool names, lk_status (*fn)(void *user, const lk_log_row *row),
                      void *user, lk_error *err)
{
    kept_list list = {0};
    lk_stmt *q = NULL;
    audit_row row;
    registry_lock(r);
    audit_forget(r);
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK) s = lk_store_prepare(r->db, AUDIT_QUERY "WHERE seq <= ?1 ORDER BY seq", &q, err);
    if (s == LK_OK) s = lk_stmt_bind(q, err, "i", r->audit_rows);
    while (s == LK_OK && (s = lk_stmt_step(q, err)) == LK_OK) {
        s = audit_read(q, &row, err);
        if (s == LK_OK) s = keep(&list, &row, err);
    }
    lk_stmt_free(&q);
    registry_unlock(r);
    if (s == LK_END) s = LK_OK;
    for (size_t i = 0; i < list.n && s == LK_OK; i++) {
        const kept *k = &list.items[i];
        lk_text words = {0};
        s = log_words(k->kind, k->detail, names ? r : NULL, &words, err);
        if (s == LK_OK)
            s = fn(user, &(lk_log_row){k->seq, k->time, k->kind, words.s ? words.s : "", k->detail});
        lk_text_clear(&words);
    }
    for (size_t i = 0; i < list.n; i++) lk_free(list.items[i].detail);
    lk_free(list.items);
    return s;
}
