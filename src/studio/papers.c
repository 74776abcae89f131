/* papers.c: what a person does who has no project: the subject who signs, the witness, anybody who checks. */
#include "studio/papers.h"

#include <stdio.h>
#include <string.h>

lk_status lk_paper_deliver(const lk_text *t, const char *file, unsigned mode, lk_line_fn out, void *user, lk_error *err)
{
    if (t->failed) return LK_FAIL(err, LK_E_NOMEM, "no memory for a text");
    if (file && *file) return lk_file_write_mode(file, t->s, t->len, mode, err);
    for (const char *p = t->s; p && *p;) {
        size_t n = strcspn(p, "\n");
        lk_text line = {0};
        lk_text_addn(&line, p, n);
        if (line.failed) return LK_FAIL(err, LK_E_NOMEM, "no memory for a line");
        out(user, line.s);
        lk_text_clear(&line);
        p += n + (p[n] == '\n');
    }
    return LK_OK;
}

/* An error about a file's content names the file. */
static lk_status in_file(lk_status s, const char *file, lk_error *err)
{
    if (s == LK_OK || !err) return s;
    lk_error why = *err;
    return LK_FAIL(err, s, "%.160s: %.300s", file, why.message);
}

static lk_status read_paper(const char *file, void **data, size_t *n, lk_error *err)
{
    return lk_file_read(file, LK_PAPER_MOST, data, n, err);
}

/* --- the subject -------------------------------------------------------------------------- */

lk_status lk_paper_key(const char *file, bool *made, char public_hex[65], lk_error *err)
{
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
    lk_hash key; /* for its hex */
    lk_status s = lk_keyfile_make(file, pub, sec, err);
    *made = s == LK_OK;
    if (s == LK_E_STATE) s = lk_keyfile_load(file, pub, sec, err);
    lk_wipe(sec, sizeof sec);
    if (s) return s;
    memcpy(key.b, pub, sizeof key.b);
    lk_hash_hex(&key, public_hex);
    return LK_OK;
}

static lk_status read_question(const char *request, lk_consent_question *q, lk_error *err)
{
    void *data = NULL;
    size_t n = 0;
    LK_TRY(read_paper(request, &data, &n, err));
    lk_status s = in_file(lk_consent_question_read(data, n, q, err), request, err);
    lk_wipe(data, n);
    lk_free(data);
    return s;
}

lk_status lk_paper_read(const char *request, lk_line_fn out, void *user, lk_error *err)
{
    lk_consent_question q;
    lk_text t = {0};
    LK_TRY(read_question(request, &q, err));
    lk_status s = lk_consent_summary(&q.terms, q.has_personal ? &q.personal : NULL, q.name, NULL, NULL, &t, err);
    if (!s) s = lk_paper_deliver(&t, NULL, 0, out, user, err);
    if (t.s) lk_wipe(t.s, t.len);
    lk_text_clear(&t);
    lk_wipe(&q.personal, sizeof q.personal);
    return s;
}

lk_status lk_paper_sign(const char *request, const char *key, const char *out_file, lk_error *err)
{
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
    lk_consent_question q;
    lk_bytes answer = {0};
    LK_TRY(read_question(request, &q, err));
    lk_status s = lk_keyfile_load(key, pub, sec, err);
    if (!s) s = lk_consent_answer(&q, pub, sec, &answer, err);
    if (!s) s = lk_file_write_atomic(out_file, answer.b, answer.len, err);
    lk_wipe(sec, sizeof sec);
    lk_wipe(&q.personal, sizeof q.personal);
    lk_bytes_clear(&answer);
    return s;
}

lk_status lk_paper_withdraw(const char *signed_file, const char *key, const char *reason, const char *out_file, lk_error *err)
{
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
    lk_bytes letter = {0};
    void *data = NULL;
    size_t n = 0;
    LK_TRY(read_paper(signed_file, &data, &n, err));
    lk_status s = lk_keyfile_load(key, pub, sec, err);
    if (!s) s = in_file(lk_consent_withdraw(data, n, reason, pub, sec, &letter, err), signed_file, err);
    if (!s) s = lk_file_write_atomic(out_file, letter.b, letter.len, err);
    lk_wipe(sec, sizeof sec);
    lk_bytes_clear(&letter);
    lk_free(data);
    return s;
}

/* --- whoever checks -------------------------------------------------------------------------- */

lk_status lk_paper_checkpoint(const char *file, lk_checkpoint *out, lk_error *err)
{
    void *data = NULL;
    size_t n = 0;
    LK_TRY(read_paper(file, &data, &n, err));
    lk_status s = in_file(lk_checkpoint_read(data, n, out, err), file, err);
    lk_free(data);
    return s;
}

static lk_status parse_key(const char *hex, uint8_t key[LK_SIGN_PUBLIC], lk_error *err)
{
    lk_hash h;
    if (!lk_hash_from_hex(hex, &h)) return LK_FAIL(err, LK_E_ARG, "\"%.80s\" is no public key: 64 hex digits", hex);
    memcpy(key, h.b, LK_SIGN_PUBLIC);
    return LK_OK;
}

/* Who signed: told, and compared where the caller knows who it must be. */
static lk_status check_signers(const lk_checkpoint *c, const char *key, const char *witness, lk_line_fn out, void *user, lk_error *err)
{
    uint8_t want[LK_SIGN_PUBLIC];
    char line[256], when[32];
    int64_t time = 0;
    if (key) {
        LK_TRY(parse_key(key, want, err));
        if (memcmp(want, c->key, sizeof want))
            return LK_FAIL(err, LK_E_FORMAT, "this is of the log of another studio: signed with the key %s", c->origin + strlen(c->origin) - 64);
    }
    snprintf(line, sizeof line, "log of the studio with the key %s%s", c->origin + strlen(c->origin) - 64,
             key ? ", as you said" : " (is it the one you know? see --key)");
    out(user, line);
    if (!witness) return LK_OK;
    LK_TRY(parse_key(witness, want, err));
    LK_TRY(lk_checkpoint_cosigned(c, want, &time, err));
    lk_time_iso(time, when);
    snprintf(line, sizeof line, "the witness saw it at %s", when);
    out(user, line);
    return LK_OK;
}

static lk_status check_proof(const void *data, size_t n, const char *key, const char *witness, lk_line_fn out, void *user, lk_error *err)
{
    lk_log_proof p;
    char line[700], when[32];
    LK_TRY(lk_log_check(data, n, &p, err));
    LK_TRY(check_signers(&p.checkpoint, key, witness, out, user, err));
    lk_time_iso(p.time, when);
    snprintf(line, sizeof line, "row %lld of %lld, of %s: %s", (long long)p.row, (long long)p.checkpoint.size, when, p.words);
    out(user, line);
    out(user, "the proof holds");
    return LK_OK;
}

static lk_status check_growth(const char *file, const char *newer, const char *key, const char *witness, lk_line_fn out, void *user,
                              lk_error *err)
{
    lk_checkpoint a, b;
    char line[160];
    LK_TRY(lk_paper_checkpoint(file, &a, err));
    if (newer) {
        LK_TRY(lk_paper_checkpoint(newer, &b, err));
        LK_TRY(lk_checkpoint_follows(&a, &b, err));
    }
    LK_TRY(check_signers(newer ? &b : &a, key, witness, out, user, err));
    if (newer)
        snprintf(line, sizeof line, "the log of %lld rows is the one of %lld rows with rows added: nothing was changed or taken out",
                 (long long)b.size, (long long)a.size);
    else snprintf(line, sizeof line, "a checkpoint over %lld rows; its signature holds", (long long)a.size);
    out(user, line);
    return LK_OK;
}

lk_status lk_paper_check(const char *file, const char *newer, const char *key, const char *witness, lk_line_fn out, void *user,
                         lk_error *err)
{
    void *data = NULL;
    size_t n = 0;
    if (key && !*key) key = NULL;
    if (witness && !*witness) witness = NULL;
    LK_TRY(read_paper(file, &data, &n, err));
    bool json = n > 0 && *(const char *)data == '{';
    lk_status s;
    if (!json) s = check_growth(file, newer, key, witness, out, user, err);
    else if (newer) s = LK_FAIL(err, LK_E_ARG, "%s is a proof; growth is checked between two checkpoints", file);
    else s = in_file(check_proof(data, n, key, witness, out, user, err), file, err);
    lk_free(data);
    return s;
}

/* --- the witness ------------------------------------------------------------------------------- */

/* It remembers what it signed before it signs, so that it never signs two heads that contradict each other. */
lk_status lk_paper_witness(const char *checkpoint, const char *key, const char *name, const char *file, lk_line_fn out, void *user,
                           lk_error *err)
{
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
    lk_checkpoint c, last;
    lk_text t = {0};
    LK_TRY(lk_paper_checkpoint(checkpoint, &c, err));
    char *memory = lk_strfmt("%s.seen-%.16s", key, c.origin + strlen(c.origin) - 64);
    if (!memory) return LK_FAIL(err, LK_E_NOMEM, "no memory for a witness");
    lk_status s = lk_keyfile_load(key, pub, sec, err);
    if (!s && lk_path_exists(memory)) {
        s = lk_paper_checkpoint(memory, &last, err);
        if (!s) s = lk_checkpoint_follows(&last, &c, err);
    }
    if (!s) s = lk_file_write_mode(memory, c.note, strlen(c.note), 0600, err);
    if (!s) s = lk_checkpoint_cosign(&c, name, pub, sec, lk_wall_time(), &t, err);
    if (!s) s = lk_paper_deliver(&t, file, 0644, out, user, err);
    lk_wipe(sec, sizeof sec);
    lk_text_clear(&t);
    lk_free(memory);
    return s;
}
