/* known.c: what the log says, row by row, about who may do what: the newest version of each record,
 * revocations, keys that people keep themselves, the place and the project's name. The chain, not a table,
 * has the last word. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

void known_clear(knowledge *k)
{
    lk_free(k->records);
    lk_free(k->people);
    lk_free(k->enrolments);
    *k = (knowledge){0};
}

const known_record *known_find(const knowledge *k, const char *id)
{
    for (size_t i = 0; i < k->record_count; i++)
        if (!strcmp(k->records[i].id, id)) return &k->records[i];
    return NULL;
}

const known_person *known_own_key(const knowledge *k, const char *subject)
{
    for (size_t i = 0; i < k->person_count; i++)
        if (!strcmp(k->people[i].id, subject)) return &k->people[i];
    return NULL;
}

static known_record *record_of(knowledge *k, const char *id, lk_error *err)
{
    known_record *found = (known_record *)(uintptr_t)known_find(k, id);
    if (found) return found;
    if (k->record_count == k->record_cap) {
        size_t cap = k->record_cap * 2 + 16;
        known_record *more = lk_realloc(k->records, k->record_count * sizeof *more, cap * sizeof *more);
        if (!more) {
            consent_no_memory(err);
            return NULL;
        }
        k->records = more;
        k->record_cap = cap;
    }
    found = &k->records[k->record_count++];
    *found = (known_record){0};
    snprintf(found->id, sizeof found->id, "%s", id);
    return found;
}

static lk_status note_key(knowledge *k, const char *subject, const char *hex, lk_error *err)
{
    lk_hash key; /* of the same size as a public key */
    _Static_assert(sizeof key == LK_SIGN_PUBLIC, "a key reads as a hash");
    if (known_own_key(k, subject) || !lk_hash_from_hex(hex, &key)) return LK_OK;
    if (k->person_count == k->person_cap) {
        size_t cap = k->person_cap * 2 + 16;
        known_person *more = lk_realloc(k->people, k->person_count * sizeof *more, cap * sizeof *more);
        if (!more) return consent_no_memory(err);
        k->people = more;
        k->person_cap = cap;
    }
    known_person *p = &k->people[k->person_count++];
    snprintf(p->id, sizeof p->id, "%s", subject);
    memcpy(p->key, key.b, sizeof p->key);
    return LK_OK;
}

static lk_status note_consent(knowledge *k, const lk_json *v, lk_error *err)
{
    const char *hash = lk_json_string(v, "consent", lk_json_string(v, "text_sha256", ""));
    const char *own = lk_json_string(v, "own_key", NULL);
    known_record *c = record_of(k, lk_json_string(v, "record", ""), err);
    if (!c) return LK_E_NOMEM;
    c->version = (int64_t)lk_json_number(v, "version", 1);
    if (!lk_hash_from_hex(hash, &c->hash)) c->hash = (lk_hash){{0}};
    return own ? note_key(k, lk_json_string(v, "subject", ""), own, err) : LK_OK;
}

const known_enrolment *known_enrolled(const knowledge *k, const char *subject)
{
    for (size_t i = k->enrolment_count; i-- > 0;)
        if (!strcmp(k->enrolments[i].whose, subject)) return &k->enrolments[i];
    return NULL;
}

/* A person has one enrolment, the newest; every protected person is an entry of their own. */
static lk_status note_enrolment(knowledge *k, const lk_json *v, lk_error *err)
{
    const char *whose = lk_json_string(v, "subject", "");
    known_enrolment *e = *whose ? (known_enrolment *)(uintptr_t)known_enrolled(k, whose) : NULL;
    if (!e && k->enrolment_count == k->enrolment_cap) {
        size_t cap = k->enrolment_cap * 2 + 16;
        known_enrolment *more = lk_realloc(k->enrolments, k->enrolment_count * sizeof *more, cap * sizeof *more);
        if (!more) return consent_no_memory(err);
        k->enrolments = more;
        k->enrolment_cap = cap;
    }
    if (!e) e = &k->enrolments[k->enrolment_count++];
    *e = (known_enrolment){0};
    snprintf(e->whose, sizeof e->whose, "%s", whose);
    snprintf(e->id, sizeof e->id, "%s", lk_json_string(v, "enrolment", ""));
    if (!lk_hash_from_hex(lk_json_string(v, "body", ""), &e->body)) e->body = (lk_hash){{0}};
    return LK_OK;
}

static void forget_enrolment(knowledge *k, const char *whose, const char *id)
{
    for (size_t i = 0; i < k->enrolment_count; i++)
        if ((*whose && !strcmp(k->enrolments[i].whose, whose)) || !strcmp(k->enrolments[i].id, id)) {
            k->enrolments[i] = k->enrolments[--k->enrolment_count];
            return;
        }
}

static lk_status note(knowledge *k, const char *kind, int64_t time, const lk_json *v, lk_error *err)
{
    if (!strcmp(kind, "consent") || !strcmp(kind, "amend")) return note_consent(k, v, err);
    if (!strcmp(kind, "revoke")) {
        known_record *c = record_of(k, lk_json_string(v, "record", ""), err);
        if (c && !c->revoked) c->revoked = LK_MAX(time, 1);
        return c ? LK_OK : LK_E_NOMEM;
    }
    if (!strcmp(kind, "enrol") || !strcmp(kind, "protect")) return note_enrolment(k, v, err);
    if (!strcmp(kind, "erased") || !strcmp(kind, "unprotect")) {
        forget_enrolment(k, lk_json_string(v, "subject", ""), lk_json_string(v, "enrolment", "-"));
        return LK_OK;
    }
    if (!strcmp(kind, "project"))
        snprintf(k->project, sizeof k->project, "%s", lk_json_string(v, "name", ""));
    else snprintf(k->place, sizeof k->place, "%s", lk_json_string(v, "place", ""));
    return LK_OK;
}

lk_status known_note(knowledge *k, const audit_row *row, lk_error *err)
{
    static const char *const kinds[] = {"consent", "amend", "revoke", "registry", "moved", "project", "enrol", "protect", "erased", "unprotect"};
    bool wanted = false;
    for (size_t i = 0; i < LK_COUNT(kinds); i++) wanted = wanted || !strcmp(row->kind, kinds[i]);
    if (!wanted) return LK_OK;
    lk_arena *arena = NULL;
    lk_json *v = NULL;
    lk_status s = lk_arena_new(&arena, 4096) == LK_OK ? LK_OK : consent_no_memory(err);
    if (s == LK_OK) s = lk_json_parse(row->detail, strlen(row->detail), arena, &v, err);
    if (s == LK_OK) s = note(k, row->kind, row->time, v, err);
    lk_arena_free(arena);
    return s;
}
