/* grant.c: the one gate in. A grant exists only with its audit row, written in
 * the transaction that found the record valid; and it is worth something only as
 * long as everything that it stands on is verified again at each use. */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

struct lk_grant {
    lk_registry *registry;
    lk_use use;
    lk_subject subject;
    char record[37];
    lk_hash consent; /* id of the version that it was given on */
    int64_t audit_seq;
    lk_hash audit_hash;
    char what_for[128];
    bool refusal_noted; /* once is enough: a refused job asks again and again until it has stopped */
};

static bool one_use(lk_use use)
{
    uint32_t u = (uint32_t)use;
    return u != 0 && (u & (u - 1)) == 0 && u <= LK_USE_CHARACTER;
}

/* Damage of what a grant would stand on is a refusal; a full disk is not. */
static lk_status as_refusal(lk_status s, rule *why, lk_error *err)
{
    if (s != LK_E_FORMAT && s != LK_E_NOTFOUND) return s;
    if (*why == RULE_NONE) *why = s == LK_E_NOTFOUND ? RULE_PERSON : RULE_LOG;
    return LK_FAIL(err, LK_E_CONSENT, "no consent can be verified: %.420s (rule: %s)", err->message,
                   rule_word(*why));
}

/* The log, the clock and the place: what every grant and every check begins with. */
static lk_status check_ground(lk_registry *r, rule *why, lk_error *err)
{
    *why = RULE_LOG;
    LK_TRY(audit_catch_up(r, err));
    *why = RULE_CLOCK;
    LK_TRY(rules_check_clock(r, err));
    *why = RULE_COPY;
    LK_TRY(rules_check_place(r, err));
    *why = RULE_NONE;
    return LK_OK;
}

/* A refusal in the log, in a transaction of its own. That it cannot be written makes no refusal less one. */
void refusal_note(lk_registry *r, rule why, const char *subject, const char *record_id, lk_use use,
                  const char *what_for)
{
    char word[32];
    lk_text t = {0};
    if (r->writing || why == RULE_NONE || registry_begin(r, NULL) != LK_OK) return;
    if (use) lk_use_print(use, word, sizeof word);
    else strcpy(word, "enrolment");
    pair_text(&t, "rule", rule_word(why));
    pair_text(&t, "subject", subject);
    pair_text(&t, "record", record_id);
    pair_text(&t, "use", word);
    pair_text(&t, "what_for", what_for);
    lk_text_add(&t, "}");
    lk_status s = audit_catch_up(r, NULL);
    if (s == LK_OK) s = audit_append(r, "refused", &t, NULL, NULL, NULL);
    if (registry_end(r, s, false, NULL) != LK_OK)
        lk_log(1, "consent", "a refusal (%s) could not be written to the audit log of %s", rule_word(why),
               r->dir);
    lk_text_clear(&t);
}

/* The oldest record that covers the use: what was made under it stays usable when a
 * newer one is signed. When none does, the refusal names the nearest miss. */
static lk_status find_record(lk_grant *g, rule *why, char *missed_id, lk_error *err)
{
    lk_registry *r = g->registry;
    lk_stmt *q = NULL;
    record c, miss = {.state = RULES}, other = {.state = RULES};
    char words[128], asked[32];
    const char *name = g->subject.name;
    lk_use_print(g->use, asked, sizeof asked);
    LK_TRY(lk_store_prepare(
        r->db, RECORD_QUERY "WHERE record.subject = ?1 ORDER BY record.issued, record.rowid", &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", g->subject.id);
    bool found = false;
    while (s == LK_OK && !found && (s = lk_stmt_step(q, err)) == LK_OK) {
        s = record_read(r, q, &c, err);
        if (s != LK_OK) break;
        if (c.state != RULE_TAMPERED && !(c.brief.uses & (uint32_t)g->use)) {
            if (c.state == RULE_NONE) other = c;
        } else if (c.state == RULE_NONE) {
            strcpy(g->record, c.brief.id);
            g->consent = c.hash;
            found = true;
        } else if (c.state < miss.state) {
            miss = c;
        }
    }
    lk_stmt_free(&q);
    if (found) return LK_OK;
    if (s != LK_END) return s;
    const record *nearest = miss.state != RULES ? &miss : &other;
    strcpy(missed_id, nearest->brief.id);
    *why = miss.state != RULES ? miss.state : other.state != RULES ? RULE_PURPOSE : RULE_ABSENT;
    if (*why == RULE_PURPOSE) {
        lk_use_print(other.brief.uses, words, sizeof words);
        return LK_FAIL(
            err, LK_E_CONSENT,
            "%s agreed to %s (record %s), not to %s; ask %s whether that is wanted too (rule: purpose)", name,
            words, other.brief.id, asked, name);
    }
    if (*why == RULE_ABSENT)
        return LK_FAIL(
            err, LK_E_CONSENT,
            "%s has agreed to nothing yet in %s; if %s agrees to %s, sign it with: likeness consent "
            "grant '%s' --statement '...' (rule: absent)",
            name, r->dir, name, asked, name);
    return rules_refuse(r, *why, name, asked, &miss, err);
}

static lk_status grant_in_transaction(lk_grant *g, const char *subject, rule *why, char *missed_id,
                                      lk_error *err)
{
    lk_registry *r = g->registry;
    uint8_t key[LK_SIGN_PUBLIC];
    char use[32], hex[LK_HASH_HEX];
    lk_text detail = {0};
    audit_forget(r); /* a grant stands on the whole log; its checks on what came after */
    LK_TRY(check_ground(r, why, err));
    *why = RULE_PERSON;
    LK_TRY(subject_load(r, subject, &g->subject, key, err));
    *why = RULE_NONE;
    LK_TRY(find_record(g, why, missed_id, err));
    lk_use_print(g->use, use, sizeof use);
    lk_hash_hex(&g->consent, hex);
    pair_text(&detail, "record", g->record);
    pair_text(&detail, "consent", hex);
    pair_text(&detail, "subject", g->subject.id);
    pair_text(&detail, "use", use);
    pair_text(&detail, "what_for", g->what_for);
    lk_text_add(&detail, "}");
    lk_status s = audit_append(r, "grant", &detail, &g->audit_seq, &g->audit_hash, err);
    lk_text_clear(&detail);
    return s;
}

lk_status lk_grant_get(lk_registry *r, const char *subject, lk_use use, const char *what_for, lk_grant **out,
                       lk_error *err)
{
    lk_error local;
    char missed_id[37] = "";
    rule why = RULE_NONE;
    if (!err) err = &local; /* refusals are built from the message beneath */
    *out = NULL;
    if (!r) return LK_FAIL(err, LK_E_CONSENT, "no consent registry is open; name a project");
    if (!one_use(use))
        return LK_FAIL(err, LK_E_ARG, "a grant is for one known use, not for 0x%x", (unsigned)use);
    lk_grant *g = lk_calloc(1, sizeof *g);
    if (!g) return consent_no_memory(err);
    g->registry = registry_ref(r);
    g->use = use;
    snprintf(g->what_for, sizeof g->what_for, "%s", what_for && *what_for ? what_for : "not said");

    lk_status s = registry_begin(r, err);
    if (s == LK_OK) s = registry_end(r, grant_in_transaction(g, subject, &why, missed_id, err), true, err);
    s = as_refusal(s, &why, err);
    if (s == LK_E_CONSENT) refusal_note(r, why, g->subject.id, missed_id, use, g->what_for);
    if (s != LK_OK) {
        lk_grant_free(&g);
        return s;
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

/* The quota is no matter here: what is asked was granted before the last output was made. It is counted when
 * a grant is given and when an output is recorded. */
static lk_status check_everything(const lk_grant *g, rule *why, lk_error *err)
{
    lk_registry *r = g->registry;
    record c;
    char use[32];
    LK_TRY(check_ground(r, why, err));
    *why = RULE_LOG;
    LK_TRY(check_audit_row(g, err));
    LK_TRY(record_load(r, g->record, &c, err));
    lk_use_print(g->use, use, sizeof use);
    *why = c.state == RULE_QUOTA ? RULE_NONE : c.state;
    LK_TRY(rules_refuse(r, *why, g->subject.name, use, &c, err));
    *why = RULE_PURPOSE;
    if (strcmp(c.brief.subject, g->subject.id) || !(c.brief.uses & (uint32_t)g->use))
        return LK_FAIL(
            err, LK_E_CONSENT,
            "consent record %s does not cover %s of %s any more; ask %s whether it is wanted (rule: purpose)",
            c.brief.id, use, g->subject.name, g->subject.name);
    return LK_OK;
}

lk_status lk_grant_check(const lk_grant *g, lk_use use, lk_error *err)
{
    lk_error local;
    rule why = RULE_NONE;
    if (!err) err = &local;
    if (!g)
        return LK_FAIL(err, LK_E_CONSENT,
                       "nobody's consent was asked: this needs a grant of the person whose likeness is used");
    if (use != g->use) {
        char asked[128], given[128];
        lk_use_print(use, asked, sizeof asked);
        lk_use_print(g->use, given, sizeof given);
        return LK_FAIL(err, LK_E_CONSENT,
                       "this grant of %s is for %s, not for %s; ask for that one (rule: purpose)",
                       g->subject.name, given, asked);
    }
    registry_lock(g->registry);
    lk_status s = as_refusal(check_everything(g, &why, err), &why, err);
    if (s == LK_E_CONSENT && !g->refusal_noted && !g->registry->writing) {
        ((lk_grant *)(uintptr_t)g)->refusal_noted =
            true; /* under the lock; no grant is const where it is made */
        refusal_note(g->registry, why, g->subject.id, g->record, g->use, g->what_for);
    }
    registry_unlock(g->registry);
    return s;
}

lk_status grant_check_quota(const lk_grant *g, const lk_hash *output, lk_error *err)
{
    lk_registry *r = g->registry;
    record c;
    LK_TRY(record_load(r, g->record, &c, err));
    if (c.state != RULE_QUOTA) return LK_OK;
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, "SELECT 1 FROM asset_record WHERE asset = ?1 AND record = ?2", &q, err));
    lk_status s = lk_stmt_bind(q, err, "bs", output->b, (size_t)LK_HASH_BYTES, g->record);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    lk_stmt_free(&q);
    if (s != LK_END) return s; /* the same output again is not another one */
    return rules_refuse(r, RULE_QUOTA, g->subject.name, "", &c, err);
}

void grant_note_quota(const lk_grant *g)
{
    refusal_note(g->registry, RULE_QUOTA, g->subject.id, g->record, g->use, g->what_for);
}

lk_use grant_use(const lk_grant *g) { return g->use; }

lk_registry *grant_registry(const lk_grant *g) { return g->registry; }

const char *lk_grant_subject_id(const lk_grant *g) { return g->subject.id; }

const char *lk_grant_subject_name(const lk_grant *g) { return g->subject.name; }

const char *lk_grant_record_id(const lk_grant *g) { return g->record; }

const lk_hash *lk_grant_consent_hash(const lk_grant *g) { return &g->consent; }

bool lk_grant_depicts_nobody(const lk_grant *g) { return g->subject.depicts_nobody; }

void lk_grant_free(lk_grant **g)
{
    if (!*g) return;
    lk_registry_close(&(*g)->registry);
    lk_free(*g);
    *g = NULL;
}
