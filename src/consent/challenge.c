/* challenge.c: words to say and turns to make, for one recording, within a time. A challenge that could be answered
 * again and again, or next year, would show nothing about today. */
#include <string.h>

#include "consent/enrol.h"
#include "consent/internal.h"

enum { SHORTEST = 60, LONGEST = 86400 };

static lk_status refuse(const char *name, const char *why, lk_error *err)
{
    return LK_FAIL(err, LK_E_CONSENT, "%s; ask %s to answer a new one: likeness subject enroll '%s' (rule: challenge)", why, name,
                   name);
}

static lk_status insert(lk_registry *r, const char *subject, lk_challenge *c, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    lk_subject who;
    lk_text detail = {0};
    lk_hash said = lk_hash_bytes(c->sentence, strlen(c->sentence));
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(rules_check_clock(r, err));
    LK_TRY(subject_load(r, subject, &who, key, err));
    strcpy(c->subject, who.id);
    LK_TRY(lk_store_run(r->db, err, NULL, "UPDATE challenge SET over = 1, sentence = '' WHERE subject = ?1", "s", who.id));
    LK_TRY(lk_store_run(r->db, err, NULL,
                        "INSERT INTO challenge(id, subject, sentence, turns, issued, expires) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                        "ssssii", c->id, c->subject, c->sentence, c->turns, c->issued, c->expires));
    pair_text(&detail, "challenge", c->id);
    pair_text(&detail, "subject", c->subject);
    pair_hex(&detail, "sentence", said.b, sizeof said.b); /* the person's name may stand in the sentence itself */
    pair_int(&detail, "expires", c->expires);
    lk_text_add(&detail, "}");
    lk_status s = audit_append(r, "challenge", &detail, NULL, NULL, err);
    lk_text_clear(&detail);
    return s;
}

lk_status lk_challenge_make(lk_registry *r, const char *subject, const char *sentence, const char *turns, int64_t seconds,
                            lk_challenge *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    if (seconds < SHORTEST || seconds > LONGEST)
        return LK_FAIL(err, LK_E_RANGE, "a challenge is open for one minute to one day, not for %lld seconds", (long long)seconds);
    LK_TRY(check_words("sentence", sentence, sizeof out->sentence, false, err));
    LK_TRY(check_words("list of turns", turns, sizeof out->turns, false, err));
    strcpy(out->sentence, sentence);
    strcpy(out->turns, turns);
    LK_TRY(new_id(out->id, err));
    out->issued = lk_wall_time();
    out->expires = out->issued + seconds;
    LK_TRY(registry_begin(r, err));
    return registry_end(r, insert(r, subject, out, err), false, err);
}

#define OPEN_QUERY "SELECT id, subject, sentence, turns, issued, expires, tries FROM challenge WHERE over = 0 AND "

static lk_status load(lk_registry *r, const char *where, const char *value, lk_challenge *out, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, where, &q, err));
    lk_status s = lk_stmt_bind(q, err, "s", value);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = lk_stmt_copy_text(q, 0, out->id, sizeof out->id, err);
    if (s == LK_OK) s = lk_stmt_copy_text(q, 1, out->subject, sizeof out->subject, err);
    if (s == LK_OK) s = lk_stmt_copy_text(q, 2, out->sentence, sizeof out->sentence, err);
    if (s == LK_OK) s = lk_stmt_copy_text(q, 3, out->turns, sizeof out->turns, err);
    if (s == LK_OK) {
        out->issued = lk_stmt_int(q, 4);
        out->expires = lk_stmt_int(q, 5);
        out->tries = lk_stmt_int(q, 6);
    }
    lk_stmt_free(&q);
    return s;
}

/* The row is found in the table, but what was asked is what the log says: its sentence and its end. */
static lk_status verify(lk_registry *r, const lk_challenge *c, const char *name, lk_error *err)
{
    char hex[LK_HASH_HEX];
    lk_stmt *q = NULL;
    lk_hash said = lk_hash_bytes(c->sentence, strlen(c->sentence));
    lk_hash_hex(&said, hex);
    LK_TRY(lk_store_prepare(r->db,
                            "SELECT 1 FROM audit WHERE kind = 'challenge' AND json_extract(detail, '$.challenge') = ?1 AND "
                            "json_extract(detail, '$.sentence') = ?2 AND json_extract(detail, '$.expires') = ?3 AND "
                            "json_extract(detail, '$.subject') = ?4",
                            &q, err));
    lk_status s = lk_stmt_bind(q, err, "ssis", c->id, hex, c->expires, c->subject);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    lk_stmt_free(&q);
    return s == LK_END ? refuse(name, "the open challenge is not the one that was asked: its row was changed", err) : s;
}

static lk_status take(lk_registry *r, const char *subject, lk_challenge *out, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    lk_subject who;
    LK_TRY(audit_catch_up(r, err));
    LK_TRY(rules_check_clock(r, err));
    LK_TRY(subject_load(r, subject, &who, key, err));
    lk_status s = load(r, OPEN_QUERY "subject = ?1 ORDER BY issued DESC, rowid DESC LIMIT 1", who.id, out, err);
    if (s == LK_END) return refuse(who.name, "no challenge is open", err);
    LK_TRY(s);
    LK_TRY(verify(r, out, who.name, err));
    if (lk_wall_time() >= out->expires) return refuse(who.name, "the challenge has expired", err);
    if (out->tries >= LK_CHALLENGE_TRIES) return refuse(who.name, "all three answers to the challenge were used", err);
    out->tries++;
    return lk_store_run(r->db, err, NULL, "UPDATE challenge SET tries = tries + 1 WHERE id = ?1", "s", out->id);
}

lk_status lk_challenge_take(lk_registry *r, const char *subject, lk_challenge *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    LK_TRY(registry_begin(r, err));
    lk_status s = registry_end(r, take(r, subject, out, err), false, err);
    if (s == LK_E_CONSENT) refusal_note(r, RULE_CHALLENGE, out->subject, "", 0, "enrolment");
    return s;
}

lk_status challenge_close(lk_registry *r, const char *id, const char *subject, lk_error *err)
{
    lk_challenge c;
    memset(&c, 0, sizeof c);
    lk_status s = load(r, OPEN_QUERY "id = ?1", id, &c, err);
    if (s == LK_OK && (strcmp(c.subject, subject) || lk_wall_time() >= c.expires)) s = LK_END;
    if (s == LK_END)
        return LK_FAIL(err, LK_E_CONSENT, "the challenge is not open any more; begin a new one with: likeness subject enroll (rule: "
                                          "challenge)");
    LK_TRY(s);
    return lk_store_run(r->db, err, NULL, "UPDATE challenge SET over = 1, sentence = '' WHERE id = ?1", "s", id);
}
