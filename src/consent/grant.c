/* grant.c: the one gate in. A grant exists only with its audit row, written in
 * the transaction that found the record valid; and it is worth something only as
 * long as everything that it stands on is verified again at each use. */
#include <string.h>

#include "consent/internal.h"

struct lk_grant {
    lk_registry *registry;
    lk_use use;
    lk_subject subject;
    char record[37];
    int64_t audit_seq;
    lk_hash audit_hash;
};

static bool one_use(lk_use use)
{
    uint32_t u = (uint32_t)use;
    return u != 0 && (u & (u - 1)) == 0 && u <= LK_USE_CHARACTER;
}

/* Damage of what a grant would stand on is a refusal; a full disk is not. */
static lk_status as_refusal(lk_status s, lk_error *err)
{
    if (s != LK_E_FORMAT && s != LK_E_NOTFOUND) return s;
    return LK_FAIL(err, LK_E_CONSENT, "no consent can be verified: %.440s", err->message);
}

static lk_status refuse_state(const lk_registry *r, const char *name, const char *use,
                              const lk_consent_record *c, record_state state, lk_error *err)
{
    char when[32];
    switch (state) {
    case RECORD_TAMPERED:
        return LK_FAIL(err, LK_E_CONSENT,
                       "consent record %s of %s was tampered with: it is not what was signed; restore "
                       "%s from a copy",
                       c->id, name, r->dir);
    case RECORD_REVOKED:
        lk_time_iso(c->revoked, when);
        return LK_FAIL(err, LK_E_CONSENT,
                       "%s revoked consent record %s at %s; nothing more may be made for %s unless %s "
                       "agrees anew",
                       name, c->id, when, use, name);
    case RECORD_EXPIRED:
        lk_time_iso(c->until, when);
        return LK_FAIL(err, LK_E_CONSENT,
                       "consent record %s of %s for %s expired at %s; ask %s to sign a new one", c->id, name,
                       use, when, name);
    case RECORD_NOT_YET:
        lk_time_iso(c->from, when);
        return LK_FAIL(err, LK_E_CONSENT,
                       "consent record %s of %s for %s begins only at %s; wait until then, or check the "
                       "clock",
                       c->id, name, use, when);
    default: return LK_OK;
    }
}

/* The oldest record that covers the use: what was made under it stays usable when a
 * newer one is signed. When none does, the refusal names the nearest miss. */
static lk_status find_record(lk_registry *r, const lk_subject *subject, lk_use use, char record[37],
                             lk_error *err)
{
    lk_stmt *q = NULL;
    lk_consent_record c, miss = {.id = ""}, other = {.id = ""};
    record_state state, missed = RECORD_STATES;
    char words[128], asked[32];
    lk_use_print(use, asked, sizeof asked);
    LK_TRY(lk_store_prepare(r->db, RECORD_QUERY "WHERE subject = ?1 ORDER BY issued, rowid", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", subject->id);
    bool found = false;
    while (s == LK_OK && !found && (s = lk_stmt_step(q, err)) == LK_OK) {
        s = record_read(r, q, &c, &state, err);
        if (s != LK_OK) break;
        if (state != RECORD_TAMPERED && !(c.uses & (uint32_t)use)) {
            if (state == RECORD_VALID) other = c;
        } else if (state == RECORD_VALID) {
            strcpy(record, c.id);
            found = true;
        } else if (state < missed) {
            miss = c;
            missed = state;
        }
    }
    lk_stmt_free(&q);
    if (found) return LK_OK;
    if (s != LK_END) return s;
    if (missed != RECORD_STATES) return refuse_state(r, subject->name, asked, &miss, missed, err);
    if (*other.id) {
        lk_use_print(other.uses, words, sizeof words);
        return LK_FAIL(err, LK_E_CONSENT,
                       "%s agreed to %s (record %s), not to %s; ask %s whether that is wanted too",
                       subject->name, words, other.id, asked, subject->name);
    }
    return LK_FAIL(err, LK_E_CONSENT,
                   "%s has agreed to nothing yet in %s; if %s agrees to %s, sign it with: likeness consent "
                   "grant '%s' --statement '...'",
                   subject->name, r->dir, subject->name, asked, subject->name);
}

static lk_status grant_in_transaction(lk_grant *g, const char *subject, const char *what_for, lk_error *err)
{
    lk_registry *r = g->registry;
    uint8_t key[LK_SIGN_PUBLIC];
    char use[32];
    lk_text detail = {0};
    audit_forget(r); /* a grant stands on the whole log; its checks on what came after */
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(audit_check_clock(r, err));
    LK_TRY(subject_load(r, subject, &g->subject, key, err));
    LK_TRY(find_record(r, &g->subject, g->use, g->record, err));
    lk_use_print(g->use, use, sizeof use);
    pair_text(&detail, "record", g->record);
    pair_text(&detail, "subject", g->subject.id);
    pair_text(&detail, "use", use);
    pair_text(&detail, "what_for", what_for && *what_for ? what_for : "not said");
    lk_text_add(&detail, "}");
    lk_status s = audit_append(r, "grant", &detail, &g->audit_seq, &g->audit_hash, err);
    lk_text_clear(&detail);
    return s;
}

lk_status lk_grant_get(lk_registry *r, const char *subject, lk_use use, const char *what_for, lk_grant **out,
                       lk_error *err)
{
    lk_error local;
    if (!err) err = &local; /* refusals are built from the message beneath */
    *out = NULL;
    if (!r) return LK_FAIL(err, LK_E_CONSENT, "no consent registry is open; name a project");
    if (!one_use(use))
        return LK_FAIL(err, LK_E_ARG, "a grant is for one known use, not for 0x%x", (unsigned)use);
    lk_grant *g = lk_calloc(1, sizeof *g);
    if (!g) return consent_no_memory(err);
    g->registry = registry_ref(r);
    g->use = use;

    registry_lock(r);
    lk_status s = lk_store_begin(r->db, err);
    if (s == LK_OK) s = lk_store_end(r->db, grant_in_transaction(g, subject, what_for, err), err);
    if (s == LK_OK) s = audit_remember_tip(r, err);
    registry_unlock(r);
    if (s != LK_OK) {
        lk_grant_free(&g);
        return as_refusal(s, err);
    }
    *out = g;
    return LK_OK;
}

/* The grant's own row, in the chain that has just been verified. */
static lk_status check_audit_row(const lk_grant *g, lk_error *err)
{
    lk_hash hash;
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(g->registry->db, "SELECT hash FROM audit WHERE seq = ?1 AND kind = 'grant'", &q,
                            err));
    lk_status s = lk_stmt_bind(q, err, "i", g->audit_seq);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = lk_stmt_copy_blob(q, 0, hash.b, LK_HASH_BYTES, err);
    lk_stmt_free(&q);
    if (s == LK_END || (s == LK_OK && !lk_hash_equal(&hash, &g->audit_hash)))
        return LK_FAIL(
            err, LK_E_CONSENT,
            "the audit log of %s no longer holds row %lld, on which this grant stands; restore the "
            "folder from a copy",
            g->registry->dir, (long long)g->audit_seq);
    return s;
}

static lk_status check_everything(const lk_grant *g, lk_error *err)
{
    lk_registry *r = g->registry;
    lk_consent_record c;
    record_state state;
    char use[32];
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(audit_check_clock(r, err));
    LK_TRY(check_audit_row(g, err));
    LK_TRY(record_load(r, g->record, &c, &state, err));
    lk_use_print(g->use, use, sizeof use);
    LK_TRY(refuse_state(r, g->subject.name, use, &c, state, err));
    if (strcmp(c.subject, g->subject.id) || !(c.uses & (uint32_t)g->use))
        return LK_FAIL(err, LK_E_CONSENT, "consent record %s does not cover %s of %s", c.id, use,
                       g->subject.name);
    return LK_OK;
}

lk_status lk_grant_check(const lk_grant *g, lk_use use, lk_error *err)
{
    lk_error local;
    if (!err) err = &local;
    if (!g)
        return LK_FAIL(err, LK_E_CONSENT,
                       "nobody's consent was asked: this needs a grant of the person whose likeness is used");
    if (use != g->use) {
        char asked[128], given[128];
        lk_use_print(use, asked, sizeof asked);
        lk_use_print(g->use, given, sizeof given);
        return LK_FAIL(err, LK_E_CONSENT, "this grant of %s is for %s, not for %s; ask for that one",
                       g->subject.name, given, asked);
    }
    registry_lock(g->registry);
    lk_status s = as_refusal(check_everything(g, err), err);
    registry_unlock(g->registry);
    return s;
}

lk_use grant_use(const lk_grant *g) { return g->use; }

lk_registry *grant_registry(const lk_grant *g) { return g->registry; }

const char *lk_grant_subject_id(const lk_grant *g) { return g->subject.id; }

const char *lk_grant_subject_name(const lk_grant *g) { return g->subject.name; }

const char *lk_grant_record_id(const lk_grant *g) { return g->record; }

bool lk_grant_depicts_nobody(const lk_grant *g) { return g->subject.depicts_nobody; }

void lk_grant_free(lk_grant **g)
{
    if (!*g) return;
    lk_registry_close(&(*g)->registry);
    lk_free(*g);
    *g = NULL;
}
