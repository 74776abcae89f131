/* test_log.c: checkpoints, witnesses and proofs, each bent in every way; a log that was rewritten is found
 * out. */
#include "consent/internal.h"
#include "consent/log.h"
#include "world.h"

static lk_checkpoint read_note(const lk_text *t)
{
    lk_error err = {0};
    lk_checkpoint c;
    CHECK_OK(lk_checkpoint_read(t->s, t->len, &c, &err), &err);
    return c;
}

static lk_checkpoint checkpoint(world *w, const lk_checkpoint *since)
{
    lk_text t = {0};
    CHECK_OK(lk_log_checkpoint(w->r, since, &t, &w->err), &w->err);
    lk_checkpoint c = read_note(&t);
    lk_text_clear(&t);
    return c;
}

static void test_checkpoint(void)
{
    world w = world_new("checkpoint");
    lk_text t = {0};
    lk_checkpoint c;
    CHECK_OK(lk_log_checkpoint(w.r, NULL, &t, &w.err), &w.err);
    CHECK_OK(lk_checkpoint_read(t.s, t.len, &c, &w.err), &w.err);
    CHECK_INT(c.size, 5);
    CHECK(!memcmp(c.key, lk_registry_key(w.r), LK_SIGN_PUBLIC), "another key");
    CHECK(strstr(t.s, "\n5\n") && strstr(t.s, "\n\n\xE2\x80\x94 likeness/consent/"), "%s", t.s);
    int good = 0;
    for (size_t i = 0; i < t.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            t.s[i] ^= (char)(1 << bit);
            lk_status s = lk_checkpoint_read(t.s, t.len, &c, &w.err);
            CHECK(s == LK_OK || s == LK_E_FORMAT, "status %d", (int)s);
            good += s == LK_OK;
            t.s[i] ^= (char)(1 << bit);
        }
    CHECK_INT(good, 0);
    for (size_t n = 0; n < t.len; n++)
        CHECK_STATUS(lk_checkpoint_read(t.s, n, &c, &w.err), LK_E_FORMAT, &w.err);
    lk_text_clear(&t);
    world_close(&w);
}

static void test_follows(void)
{
    world w = world_new("follows"), far = world_new("far");
    lk_checkpoint old[12], now, alien = checkpoint(&far, NULL);
    for (int i = 0; i < 12; i++) {
        old[i] = checkpoint(&w, NULL);
        CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    }
    for (int i = 0; i < 12; i++) {
        now = checkpoint(&w, &old[i]);
        CHECK_INT(now.old_size, old[i].size);
        CHECK_OK(lk_checkpoint_follows(&old[i], &now, &w.err), &w.err);
        CHECK_OK(lk_checkpoint_follows(&now, &now, &w.err), &w.err);
        CHECK_STATUS(lk_checkpoint_follows(&now, &old[i], &w.err), LK_E_ARG, &w.err);
        CHECK_STATUS(lk_checkpoint_follows(&alien, &now, &w.err), LK_E_ARG, &w.err);
        CHECK_STATUS(lk_checkpoint_follows(&old[(i + 1) % 12], &now, &w.err), LK_E_ARG,
                     &w.err); /* no proof from it */
        for (int k = 0; k < now.proof_count; k++) {
            now.proof[k].b[5] ^= 4;
            CHECK_STATUS(lk_checkpoint_follows(&old[i], &now, &w.err), LK_E_FORMAT, &w.err);
            now.proof[k].b[5] ^= 4;
        }
    }
    lk_text none = {0};
    CHECK_STATUS(lk_log_checkpoint(w.r, &alien, &none, &w.err), LK_E_ARG, &w.err);
    lk_text_clear(&none);
    lk_registry_close(&far.r);
    tempdir_clear(far.dir);
    world_close(&w);
}

/* Two copies of one registry that go their own ways: each log verifies by itself, together they prove the
 * fork. */
static void test_fork(void)
{
    world w = world_new("fork"), copy = {.r = NULL};
    char command[400];
    snprintf(copy.dir, sizeof copy.dir, "%.100s", in_tempdir("fork-copy"));
    snprintf(command, sizeof command, "cp -a '%.128s' '%.128s'", w.dir, copy.dir);
    CHECK(system(command) == 0, "%s", command);
    CHECK_OK(lk_registry_open(copy.dir, false, &copy.r, &copy.err), &copy.err);
    CHECK_OK(lk_registry_moved(copy.r, &copy.err), &copy.err);
    CHECK_INT(try_grant(&copy, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    lk_checkpoint a = checkpoint(&w, NULL), b;
    lk_text t = {0};
    CHECK_STATUS(lk_log_checkpoint(copy.r, &a, &t, &w.err), LK_E_FORMAT,
                 &w.err); /* the copy cannot prove it follows */
    CHECK(strstr(w.err.message, "went its own way"), "%s", w.err.message);
    lk_text_clear(&t);
    b = checkpoint(&copy, NULL);
    b.old_size = a.size; /* whatever proof is claimed */
    CHECK_STATUS(lk_checkpoint_follows(&a, &b, &w.err), LK_E_FORMAT, &w.err);
    CHECK(strstr(w.err.message, "rewritten"), "%s", w.err.message);
    lk_registry_close(&copy.r);
    tempdir_clear(copy.dir);
    world_close(&w);
}

static void test_witness(void)
{
    world w = world_new("witness");
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET], other[LK_SIGN_PUBLIC];
    lk_checkpoint first = checkpoint(&w, NULL);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_VOICE), LK_OK);
    lk_checkpoint c = checkpoint(&w, &first), d, e;
    lk_text t = {0}, again = {0};
    int64_t when = 0;
    CHECK_OK(lk_sign_keypair(pub, sec, &w.err), &w.err);
    CHECK_STATUS(lk_checkpoint_cosigned(&c, pub, &when, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_STATUS(lk_checkpoint_cosign(&c, "two words", pub, sec, START, &t, &w.err), LK_E_ARG, &w.err);
    CHECK_OK(lk_checkpoint_cosign(&c, "witness.example", pub, sec, START + 5, &t, &w.err), &w.err);
    d = read_note(&t);
    CHECK_INT(d.old_size, first.size); /* the proof travels on */
    CHECK_OK(lk_checkpoint_follows(&first, &d, &w.err), &w.err);
    CHECK_OK(lk_checkpoint_cosigned(&d, pub, &when, &w.err), &w.err);
    CHECK_INT(when, START + 5);
    memcpy(other, pub, sizeof other);
    other[3] ^= 1;
    CHECK_STATUS(lk_checkpoint_cosigned(&d, other, &when, &w.err), LK_E_NOTFOUND, &w.err);
    /* A second witness under the first; each is checked by itself. */
    uint8_t pub2[LK_SIGN_PUBLIC], sec2[LK_SIGN_SECRET];
    CHECK_OK(lk_sign_keypair(pub2, sec2, &w.err), &w.err);
    CHECK_OK(lk_checkpoint_cosign(&d, "witness.example", pub2, sec2, START + 9, &again, &w.err), &w.err);
    e = read_note(&again);
    CHECK_OK(lk_checkpoint_cosigned(&e, pub, &when, &w.err), &w.err);
    CHECK_OK(lk_checkpoint_cosigned(&e, pub2, &when, &w.err), &w.err);
    CHECK_INT(when, START + 9);
    /* The witness's line under another checkpoint. */
    char *line = strrchr(d.note, '\xE2');
    snprintf(first.note + strlen(first.note), 400, "%s", line);
    CHECK_STATUS(lk_checkpoint_cosigned(&first, pub, &when, &w.err), LK_E_FORMAT, &w.err);
    lk_text_clear(&t);
    lk_text_clear(&again);
    world_close(&w);
}

static void test_proofs(void)
{
    world w = world_new("proofs");
    lk_log_proof p;
    lk_text t = {0};
    for (int i = 0; i < 6; i++) CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    for (int row = 1; row <= 11; row++) {
        char number[16];
        snprintf(number, sizeof number, "%d", row);
        CHECK_OK(lk_log_prove(w.r, number, &t, &w.err), &w.err);
        CHECK_OK(lk_log_check(t.s, t.len, &p, &w.err), &w.err);
        CHECK(p.row == row && p.checkpoint.size == 11, "row %d of %d", (int)p.row, (int)p.checkpoint.size);
        lk_text_clear(&t);
    }
    CHECK_STATUS(lk_log_prove(w.r, "12", &t, &w.err), LK_E_RANGE, &w.err);
    CHECK_STATUS(lk_log_prove(w.r, "0", &t, &w.err), LK_E_RANGE, &w.err);
    CHECK_STATUS(lk_log_prove(w.r, "12x", &t, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_OK(lk_log_prove(w.r, w.ann_record.id, &t, &w.err), &w.err);
    CHECK_OK(lk_log_check(t.s, t.len, &p, &w.err), &w.err);
    CHECK(p.row == 4 && !strcmp(p.kind, "consent") && strstr(p.words, w.ann_record.id), "row %d: %s",
          (int)p.row, p.words);
    CHECK(!strstr(t.s, "Ann"), "a proof names somebody");
    /* Every bit: refused, or a change of white space that says nothing else. */
    int harmless = 0;
    for (size_t i = 0; i < t.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            lk_log_proof q;
            t.s[i] ^= (char)(1 << bit);
            if (lk_log_check(t.s, t.len, &q, &w.err) == LK_OK) {
                CHECK(q.row == p.row && q.time == p.time && !strcmp(q.words, p.words) &&
                          q.checkpoint.size == 11 &&
                          !memcmp(q.checkpoint.key, p.checkpoint.key, LK_SIGN_PUBLIC),
                      "byte %zu turns the proof into another", i);
                harmless++;
            }
            t.s[i] ^= (char)(1 << bit);
        }
    printf("# %d of %zu changes say the same\n", harmless, t.len * 8);
    CHECK(harmless < 300, "%d changes pass", harmless); /* the case of hex digits */
    lk_text_clear(&t);
    world_close(&w);
}

static lk_status add_words(void *user, const lk_log_row *row)
{
    lk_text_add(user, "%lld %s: %s\n", (long long)row->seq, row->kind, row->words);
    return row->seq == 99 ? LK_E_CANCELLED : LK_OK;
}

static void test_words(void)
{
    world w = world_new("words");
    lk_text t = {0};
    CHECK_OK(lk_registry_name(w.r, "film", &w.err), &w.err);
    CHECK_STATUS(try_grant(&w, "Ann", LK_USE_LIPS), LK_E_CONSENT, &w.err);
    CHECK_STATUS(try_grant(&w, "Nobody", LK_USE_LIPS), LK_E_CONSENT, &w.err);
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "changed my mind", &w.err), &w.err);
    CHECK_OK(lk_log_each(w.r, true, add_words, &t, &w.err), &w.err);
    static const char *const must[] = {"1 registry: the registry was made",
                                       "Ann was added",
                                       "Bob agreed to record",
                                       "named \"film\"",
                                       "lips of Ann was refused",
                                       "this use was not agreed to",
                                       "lips of somebody unknown",
                                       "changed my mind"};
    for (size_t i = 0; i < LK_COUNT(must); i++)
        CHECK(strstr(t.s, must[i]), "the log does not say '%s':\n%s", must[i], t.s);
    lk_text_clear(&t);
    CHECK_OK(lk_log_each(w.r, false, add_words, &t, &w.err), &w.err);
    CHECK(!strstr(t.s, "Ann") && strstr(t.s, w.ann.id), "names where none were asked for");
    lk_text_clear(&t);
    intrude(&w, "UPDATE audit SET detail = replace(detail, 'my mind', 'my mint')");
    CHECK_STATUS(lk_log_each(w.r, true, add_words, &t, &w.err), LK_E_FORMAT, &w.err);
    CHECK_INT(t.len, 0);
    lk_text_clear(&t);
    world_close(&w);
}

static const check_test tests[] = {
    {"checkpoint", test_checkpoint}, {"follows", test_follows}, {"fork", test_fork},
    {"witness", test_witness},       {"proofs", test_proofs},   {"words", test_words},
};

int main(int argc, char **argv)
{
    tempdir_make("log");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
