/* consents.c: the studio's side of consent: from words to terms, from records and rows to lines. */
#include "studio/studio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consent/log.h"
#include "likeness/consent.h"
#include "studio/papers.h"

/* --- from words to terms ------------------------------------------------------------------ */

lk_people_terms lk_people_terms_defaults(void) { return (lk_people_terms){.quota = -1}; }

static bool given(const char *s) { return s && *s; }

static lk_status take(const char *what, const char *from, char *to, size_t cap, lk_error *err)
{
    if (!given(from)) return LK_OK;
    if (strlen(from) >= cap) return LK_FAIL(err, LK_E_RANGE, "the %s has %zu bytes; use at most %zu", what, strlen(from), cap - 1);
    memcpy(to, from, strlen(from) + 1);
    return LK_OK;
}

/* The i-th part of a list divided by ';', without blanks around it; false behind the last. */
static bool part(const char *list, int i, char *out, size_t cap)
{
    const char *p = list;
    for (; i > 0 && *p; i--) {
        p += strcspn(p, ";");
        p += *p == ';';
    }
    while (*p == ' ') p++;
    size_t n = strcspn(p, ";");
    while (n && p[n - 1] == ' ') n--;
    snprintf(out, cap, "%.*s", (int)LK_MIN(n, cap - 1), p);
    return *out != '\0';
}

static lk_status take_grantees(const char *list, lk_consent_terms *t, lk_error *err)
{
    char one[256];
    if (!given(list)) return LK_OK;
    for (t->grantee_count = 0; part(list, t->grantee_count, one, sizeof one); t->grantee_count++) {
        char *equals = strrchr(one, '=');
        lk_hash key; /* 32 bytes of hex, as a public key is */
        if (t->grantee_count == LK_CONSENT_GRANTEES)
            return LK_FAIL(err, LK_E_RANGE, "a consent names at most %d grantees", LK_CONSENT_GRANTEES);
        lk_grantee *g = &t->grantees[t->grantee_count];
        if (!equals || equals == one || !lk_hash_from_hex(equals + 1, &key))
            return LK_FAIL(err, LK_E_ARG, "a grantee is written NAME=KEY, the key as 64 hex digits (likeness consent key), not \"%.80s\"", one);
        *equals = '\0';
        *g = (lk_grantee){.name = ""};
        LK_TRY(take("grantee's name", one, g->name, sizeof g->name, err));
        memcpy(g->key, key.b, sizeof g->key);
    }
    return LK_OK;
}

static lk_status take_age(const char *word, lk_consent_terms *t, lk_error *err)
{
    if (!given(word)) return LK_OK;
    for (int a = LK_AGE_ADULT; a <= LK_AGE_DECEASED; a++)
        if (!strcmp(word, lk_age_name((lk_age)a))) {
            t->age = (lk_age)a;
            return LK_OK;
        }
    return LK_FAIL(err, LK_E_ARG, "the age is adult, minor or deceased, not \"%.40s\"", word);
}

/* Over what the draft holds already: the defaults, or what was agreed to before. */
static lk_status apply(const lk_people_terms *w, lk_consent_draft *d, lk_error *err)
{
    lk_consent_terms *t = &d->terms;
    lk_personal *p = &d->personal;
    char one[256];
    if (given(w->uses) && !(t->uses = lk_use_parse(w->uses, err))) return LK_E_ARG;
    uint32_t duties = given(w->duties) ? lk_duty_parse(w->duties, err) : 0;
    if (given(w->duties) && !duties) return LK_E_ARG;
    t->duties |= duties;
    if (w->days < 0 || w->days > 3650) return LK_FAIL(err, LK_E_RANGE, "a consent lasts 1 to 3650 days, not %d", w->days);
    if (w->days) d->term_seconds = (int64_t)w->days * 86400;
    if (w->quota >= 0) t->quota = w->quota;
    LK_TRY(take("statement", w->statement, t->statement, sizeof t->statement, err));
    LK_TRY(take("project", w->project, t->project, sizeof t->project, err));
    LK_TRY(take("territory", w->territory, t->territory, sizeof t->territory, err));
    LK_TRY(take("pay", w->pay, t->compensation, sizeof t->compensation, err));
    LK_TRY(take("contact for revoking", w->contact, t->contact, sizeof t->contact, err));
    LK_TRY(take("date of birth", w->born, p->birth_date, sizeof p->birth_date, err));
    LK_TRY(take("legal name", w->legal_name, p->legal_name, sizeof p->legal_name, err));
    LK_TRY(take("person's contact", w->reach, p->contact, sizeof p->contact, err));
    LK_TRY(take("name of who acts for the estate", w->estate, p->estate, sizeof p->estate, err));
    LK_TRY(take_age(w->age, t, err));
    LK_TRY(take_grantees(w->grantees, t, err));
    for (t->ban_count = given(w->forbid) ? 0 : t->ban_count; given(w->forbid) && part(w->forbid, t->ban_count, one, sizeof one);
         t->ban_count++) {
        if (t->ban_count == LK_CONSENT_BANS) return LK_FAIL(err, LK_E_RANGE, "a consent forbids at most %d things beyond those always forbidden", LK_CONSENT_BANS);
        *t->bans[t->ban_count] = '\0';
        LK_TRY(take("forbidden use", one, t->bans[t->ban_count], sizeof t->bans[0], err));
    }
    for (int i = 0; given(w->guardians) && part(w->guardians, i, one, sizeof one); i++) {
        if (i == 2) return LK_FAIL(err, LK_E_RANGE, "a record names at most two guardians");
        LK_TRY(take("guardian's name", one, p->guardians[i], sizeof p->guardians[0], err));
    }
    return LK_OK;
}

static lk_status new_draft(const char *name, const lk_people_terms *w, lk_consent_draft *d, lk_error *err)
{
    *d = (lk_consent_draft){.subject = name};
    if (!given(w->uses)) return LK_FAIL(err, LK_E_ARG, "say what %s agrees to, such as face-source", name);
    if (!given(w->statement)) return LK_FAIL(err, LK_E_ARG, "say what it will be used for, in the words of %s", name);
    return apply(w, d, err);
}

lk_status lk_people_sign(lk_project *p, const char *name, const lk_people_terms *w, char record_id[37], lk_error *err)
{
    lk_consent_draft d;
    lk_consent_record c;
    LK_TRY(new_draft(name, w, &d, err));
    LK_TRY(lk_consent_sign(p->registry, &d, &c, err));
    if (record_id) memcpy(record_id, c.id, sizeof c.id);
    return LK_OK;
}

static lk_status send_request(lk_project *p, const lk_consent_draft *d, const uint8_t *own_key, const char *file, char record_id[37],
                              lk_error *err)
{
    lk_bytes question = {0};
    lk_status s = lk_consent_request(p->registry, d, own_key, &question, record_id, err);
    if (!s) s = lk_file_write_mode(file, question.b, question.len, 0600, err); /* it tells who the person is */
    if (question.b) lk_wipe(question.b, question.len);
    lk_bytes_clear(&question);
    return s;
}

lk_status lk_people_request(lk_project *p, const char *name, const lk_people_terms *w, const char *own_key, const char *file,
                            char record_id[37], lk_error *err)
{
    lk_consent_draft d;
    lk_hash key;
    if (given(own_key) && !lk_hash_from_hex(own_key, &key))
        return LK_FAIL(err, LK_E_ARG, "\"%.80s\" is no public key: 64 hex digits, as likeness consent key prints them", own_key);
    LK_TRY(new_draft(name, w, &d, err));
    return send_request(p, &d, given(own_key) ? key.b : NULL, file, record_id, err);
}

lk_status lk_people_amend(lk_project *p, const char *record_id, const lk_people_terms *w, const char *file, lk_error *err)
{
    lk_consent_detail old;
    lk_hash none = {{0}};
    int64_t now = lk_wall_time();
    LK_TRY(lk_consent_show(p->registry, record_id, &old, err));
    if (!old.has_personal && !lk_hash_equal(&old.terms.personal, &none))
        return LK_FAIL(err, LK_E_CONSENT, "the personal block of record %s cannot be read any more (keys/personal.key), so it cannot be carried over; sign a new record",
                       record_id);
    lk_consent_draft d = {.subject = old.terms.subject, .terms = old.terms, .personal = old.personal};
    if (old.terms.until > now) d.term_seconds = old.terms.until - now;
    LK_TRY(apply(w, &d, err));
    return given(file) ? send_request(p, &d, NULL, file, NULL, err) : lk_consent_sign(p->registry, &d, NULL, err);
}

lk_status lk_people_accept(lk_project *p, const char *file, lk_line_fn out, void *user, lk_error *err)
{
    lk_consent_record c;
    lk_subject who;
    void *data = NULL;
    size_t n = 0;
    char uses[128], line[512], day[32];
    LK_TRY(lk_file_read(file, LK_PAPER_MOST, &data, &n, err));
    lk_status s = lk_consent_accept(p->registry, data, n, &c, err);
    if (!s) s = lk_subject_find(p->registry, c.subject, &who, err);
    lk_free(data);
    if (s) return s;
    lk_use_print(c.uses, uses, sizeof uses);
    lk_time_iso(c.until, day);
    if (c.revoked) snprintf(line, sizeof line, "%s withdrew record %s: nothing more is made on it", who.name, c.id);
    else snprintf(line, sizeof line, "%s agreed to record %s, version %lld: %s until %.10s", who.name, c.id, (long long)c.version, uses, day);
    out(user, line);
    return LK_OK;
}

lk_status lk_people_moved(lk_project *p, lk_error *err) { return lk_registry_moved(p->registry, err); }

/* --- showing -------------------------------------------------------------------------------- */

static void pair(lk_text *t, const char *key, const char *value)
{
    lk_text_add(t, "%s\"%s\":", t->len ? "," : "{", key);
    lk_json_quote(t, value);
}

static void pair_hex(lk_text *t, const char *key, const uint8_t *b)
{
    char hex[LK_HASH_HEX];
    lk_hash h;
    memcpy(h.b, b, sizeof h.b);
    lk_hash_hex(&h, hex);
    pair(t, key, hex);
}

static void pair_number(lk_text *t, const char *key, int64_t v) { lk_text_add(t, "%s\"%s\":%lld", t->len ? "," : "{", key, (long long)v); }

static void brief_json(lk_text *t, const lk_consent_record *c, const char *state, const char *name)
{
    char uses[128];
    lk_use_print(c->uses, uses, sizeof uses);
    pair(t, "record", c->id);
    pair_number(t, "version", c->version);
    pair(t, "state", state);
    pair(t, "subject", c->subject);
    pair(t, "name", name);
    pair(t, "uses", uses);
    pair(t, "project", c->project);
    pair(t, "statement", c->statement);
    pair_number(t, "from", c->from);
    pair_number(t, "until", c->until);
    pair_number(t, "revoked", c->revoked);
}

static void detail_json(lk_text *t, const lk_consent_detail *d)
{
    char duties[128];
    const lk_consent_terms *x = &d->terms;
    brief_json(t, &d->brief, d->state, d->name);
    lk_duty_print(x->duties, duties, sizeof duties);
    pair_hex(t, "consent", d->hash.b);
    pair_hex(t, "previous", x->previous.b);
    pair_hex(t, "subject_key", x->subject_key);
    pair(t, "key_holder", x->subject_holds_key ? "subject" : "studio");
    pair_hex(t, "studio_key", x->studio_key);
    pair(t, "age", lk_age_name(x->age));
    pair_number(t, "guardians", x->guardians);
    pair_number(t, "adult_at", x->adult_at);
    pair(t, "territory", x->territory);
    pair_number(t, "quota", x->quota);
    pair_number(t, "outputs", d->outputs);
    pair(t, "pay", x->compensation);
    pair(t, "duties", duties);
    pair(t, "contact", x->contact);
    pair(t, "assurance", lk_assurance_name(x->assurance));
    lk_text_add(t, ",\"forbidden\":[");
    for (const lk_ban *b = lk_consent_bans(); b->word; b++) {
        if (b != lk_consent_bans()) lk_text_add(t, ",");
        lk_json_quote(t, b->word);
    }
    for (int i = 0; i < x->ban_count; i++) {
        lk_text_add(t, ",");
        lk_json_quote(t, x->bans[i]);
    }
    lk_text_add(t, "],\"grantees\":[");
    for (int i = 0; i < x->grantee_count; i++) {
        lk_text one = {0};
        pair(&one, "name", x->grantees[i].name);
        pair_hex(&one, "key", x->grantees[i].key);
        lk_text_add(t, "%s%s}", i ? "," : "", one.failed ? "{" : one.s);
        t->failed |= one.failed;
        lk_text_clear(&one);
    }
    lk_text_add(t, "]}");
}

lk_status lk_people_show(lk_project *p, const char *record_id, bool json, const char *file, lk_line_fn out, void *user, lk_error *err)
{
    lk_consent_detail d;
    lk_text t = {0};
    LK_TRY(lk_consent_show(p->registry, record_id, &d, err));
    lk_status s = LK_OK;
    if (json) detail_json(&t, &d);
    else s = lk_consent_summary(&d.terms, d.has_personal ? &d.personal : NULL, d.name, &d.hash, d.state, &t, err);
    if (!s) s = lk_paper_deliver(&t, file, 0600, out, user, err);
    lk_wipe(&d.personal, sizeof d.personal);
    lk_text_clear(&t);
    return s;
}

typedef struct lines { lk_project *p; bool json; lk_line_fn out; void *user; int count; lk_error *err; } lines;

static lk_status record_line(void *user, const lk_consent_record *c, const char *state)
{
    lines *l = user;
    char uses[128], until[32], line[1024];
    lk_subject who;
    lk_text t = {0};
    lk_use_print(c->uses, uses, sizeof uses);
    lk_time_iso(c->until, until);
    if (lk_subject_find(l->p->registry, c->subject, &who, l->err)) snprintf(who.name, sizeof who.name, "%s", c->subject);
    l->count++;
    if (l->json) {
        brief_json(&t, c, state, who.name);
        lk_text_add(&t, "}");
        lk_status s = lk_paper_deliver(&t, NULL, 0, l->out, l->user, l->err);
        lk_text_clear(&t);
        return s;
    }
    snprintf(line, sizeof line, "%s  %-8s  until %.10s  %s: %s  \"%s\"", c->id, state, until, who.name, uses, c->statement);
    l->out(l->user, line);
    return LK_OK;
}

lk_status lk_people_records(lk_project *p, const char *name_or_null, bool json, lk_line_fn out, void *user, lk_error *err)
{
    lines l = {p, json, out, user, 0, err};
    lk_subject who;
    if (name_or_null) LK_TRY(lk_subject_find(p->registry, name_or_null, &who, err));
    LK_TRY(lk_consent_each(p->registry, name_or_null ? who.id : NULL, record_line, &l, err));
    if (!l.count && !json) out(user, "no consent records; sign one with: likeness consent grant NAME --statement \"...\"");
    return LK_OK;
}

/* --- the log ---------------------------------------------------------------------------------- */

static lk_status log_line(void *user, const lk_log_row *row)
{
    lines *l = user;
    char when[32];
    lk_text t = {0};
    lk_time_iso(row->time, when);
    if (l->json) {
        pair_number(&t, "row", row->seq);
        pair(&t, "time", when);
        pair(&t, "kind", row->kind);
        pair(&t, "words", row->words);
        lk_text_add(&t, ",\"detail\":%s}", row->detail);
    } else {
        lk_text_add(&t, "%5lld  %s  %s", (long long)row->seq, when, row->words);
    }
    lk_status s = lk_paper_deliver(&t, NULL, 0, l->out, l->user, l->err);
    lk_text_clear(&t);
    return s;
}

lk_status lk_people_log(lk_project *p, bool json, lk_line_fn out, void *user, lk_error *err)
{
    lines l = {p, json, out, user, 0, err};
    return lk_log_each(p->registry, true, log_line, &l, err);
}

lk_status lk_people_prove(lk_project *p, const char *what, const char *file, lk_line_fn out, void *user, lk_error *err)
{
    lk_text t = {0};
    lk_status s = lk_log_prove(p->registry, what, &t, err);
    if (!s) s = lk_paper_deliver(&t, file, 0644, out, user, err);
    lk_text_clear(&t);
    return s;
}

lk_status lk_people_checkpoint(lk_project *p, const char *since, const char *file, lk_line_fn out, void *user, lk_error *err)
{
    lk_checkpoint old;
    lk_text t = {0};
    if (given(since)) LK_TRY(lk_paper_checkpoint(since, &old, err));
    lk_status s = lk_log_checkpoint(p->registry, given(since) ? &old : NULL, &t, err);
    if (!s) s = lk_paper_deliver(&t, file, 0644, out, user, err);
    lk_text_clear(&t);
    return s;
}
