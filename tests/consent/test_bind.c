/* test_bind.c: a bound file opens for whom it must, and for nobody else: wrong, revoked, expired and missing consent, a
 * header or a body that was changed, cut or exchanged, a copied registry; its key is gone when consent is. */
#include <fcntl.h>
#include <sys/stat.h>

#include "bound_world.h"

static void test_there_and_back(void)
{
    bound_world b = open_world("there");
    static lk_bind_info info, read;
    CHECK_OK(save(&b, b.path), &b.w.err);
    CHECK(lk_bind_is(b.path), "it does not know its own kind");
    CHECK_OK(load(b.path, b.both, 2, &info, &b.w.err), &b.w.err);
    CHECK_OK(lk_bind_info_read(b.path, &read, &b.w.err), &b.w.err);
    CHECK(!memcmp(&info, &read, sizeof info), "the header reads differently without the key");
    CHECK_STR(info.kind, "swap model");
    CHECK_STR(info.detail, "{\"size\":96}");
    CHECK_STR(info.people[0].record, b.w.ann_record.id);
    CHECK_STR(info.people[1].subject, b.w.bob.id);
    CHECK_INT(info.expires, LK_MIN(b.w.ann_record.until, b.w.bob_record.until));
    CHECK_INT(info.bytes, BODY);
    CHECK(!memcmp(info.grantee, lk_registry_key(b.w.r), LK_SIGN_PUBLIC), "for another studio");
    CHECK(lk_hash_equal(&info.people[0].consent, lk_grant_consent_hash(b.ann)), "another version of the record");
    const lk_hash parents[2] = {lk_hash_bytes("one", 3), lk_hash_bytes("two", 3)};
    lk_hash root = lk_hash_bytes(parents, sizeof parents);
    CHECK(lk_hash_equal(&info.training_root, &root), "the training root is of something else");
    CHECK_INT(ask_number(&b.w, "SELECT count(*) FROM audit WHERE kind = 'bind'"), 1);

    /* The bytes of the body are nowhere in the file, nor is it the same twice. */
    void *file, *again;
    size_t n, m;
    CHECK_OK(lk_file_read(b.path, 1 << 24, &file, &n, &b.w.err), &b.w.err);
    CHECK(!memmem(file, n, body, 16) && !memmem(file, n, body + BODY / 2, 16), "the body lies there in the clear");
    CHECK_OK(save(&b, b.path), &b.w.err);
    CHECK_OK(lk_file_read(b.path, 1 << 24, &again, &m, &b.w.err), &b.w.err);
    CHECK(n == m && memcmp((char *)file + n - 64, (char *)again + n - 64, 64), "written twice, and the same bytes");
    lk_free(file);
    lk_free(again);
    CHECK_OK(lk_audit_verify(b.w.r, NULL, &b.w.err), &b.w.err);
    close_world(&b);
}

static void test_whose_consent(void)
{
    bound_world b = open_world("whose");
    lk_grant *voice = NULL, *eve = NULL;
    lk_consent_record fresh;
    CHECK_OK(save(&b, b.path), &b.w.err);
    CHECK_SAYS(load(b.path, b.both, 1, NULL, &b.w.err), LK_E_CONSENT, "not at hand");
    CHECK_SAYS(load(b.path, b.both + 1, 1, NULL, &b.w.err), LK_E_CONSENT, "not at hand");
    CHECK_SAYS(load(b.path, b.both, 0, NULL, &b.w.err), LK_E_CONSENT, "nobody");
    const lk_grant *none[2] = {b.ann, NULL};
    CHECK_SAYS(load(b.path, none, 2, NULL, &b.w.err), LK_E_CONSENT, "nobody");
    /* Ann's, but for another use. */
    CHECK_OK(lk_grant_get(b.w.r, "Ann", LK_USE_VOICE, "test", &voice, &b.w.err), &b.w.err);
    const lk_grant *wrong_use[2] = {voice, b.bob};
    CHECK_SAYS(load(b.path, wrong_use, 2, NULL, &b.w.err), LK_E_CONSENT, "face-source");
    /* Somebody else's. */
    CHECK_OK(lk_subject_add(b.w.r, "Eve", true, NULL, &b.w.err), &b.w.err);
    CHECK_OK(lk_consent_issue(b.w.r, "Eve", LK_USE_FACE_SOURCE, DAY, "film", "me too", NULL, &b.w.err), &b.w.err);
    CHECK_OK(lk_grant_get(b.w.r, "Eve", LK_USE_FACE_SOURCE, "test", &eve, &b.w.err), &b.w.err);
    const lk_grant *wrong_person[2] = {eve, b.bob}, *three[3] = {b.ann, b.bob, eve};
    CHECK_SAYS(load(b.path, wrong_person, 2, NULL, &b.w.err), LK_E_CONSENT, b.w.ann.id);
    CHECK_SAYS(load(b.path, three, 3, NULL, &b.w.err), LK_E_CONSENT, "Eve");
    /* A record that Ann signed after the first was revoked is another agreement. */
    CHECK_OK(lk_consent_revoke(b.w.r, b.w.ann_record.id, "no more", &b.w.err), &b.w.err);
    CHECK_OK(lk_consent_issue(b.w.r, "Ann", LK_USE_FACE_SOURCE, DAY, "film", "again", &fresh, &b.w.err), &b.w.err);
    lk_grant *new_grant = NULL;
    CHECK_OK(lk_grant_get(b.w.r, "Ann", LK_USE_FACE_SOURCE, "test", &new_grant, &b.w.err), &b.w.err);
    const lk_grant *renewed[2] = {new_grant, b.bob};
    CHECK_SAYS(load(b.path, renewed, 2, NULL, &b.w.err), LK_E_CONSENT, b.w.ann_record.id);
    CHECK_SAYS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_CONSENT, "revoked");
    lk_grant_free(&new_grant);
    lk_grant_free(&voice);
    lk_grant_free(&eve);
    close_world(&b);
}

static void test_term(void)
{
    bound_world b = open_world("term");
    CHECK_OK(save(&b, b.path), &b.w.err);
    lk_wall_time_set(START + 30 * DAY - 1);
    CHECK_OK(load(b.path, b.both, 2, NULL, &b.w.err), &b.w.err);
    lk_wall_time_set(START + 30 * DAY + 1);
    CHECK_SAYS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_CONSENT, "expired");
    /* Ann and Bob prolong their records: what stands on them is good as long as they say now. */
    lk_wall_time_set(START + 10 * DAY);
    close_world(&b);

    b = open_world("prolonged");
    CHECK_OK(save(&b, b.path), &b.w.err);
    lk_consent_detail *d = lk_alloc(sizeof *d);
    const char *ids[2] = {b.w.ann_record.id, b.w.bob_record.id};
    for (int i = 0; i < 2; i++) {
        lk_consent_draft *draft = lk_calloc(1, sizeof *draft);
        CHECK_OK(lk_consent_show(b.w.r, ids[i], d, &b.w.err), &b.w.err);
        draft->subject = i ? "Bob" : "Ann";
        draft->terms = d->terms;
        draft->term_seconds = 90 * DAY;
        CHECK_OK(lk_consent_sign(b.w.r, draft, NULL, &b.w.err), &b.w.err);
        lk_free(draft);
    }
    lk_free(d);
    lk_grant_free(&b.ann);
    lk_grant_free(&b.bob);
    lk_wall_time_set(START + 60 * DAY);
    grants(&b);
    CHECK_OK(load(b.path, b.both, 2, NULL, &b.w.err), &b.w.err);
    lk_wall_time_set(START + 91 * DAY);
    CHECK_SAYS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_CONSENT, "expired");
    close_world(&b);
}

/* --- files that were tampered with --------------------------------------------------------------------- */

static void spoil(const char *path, long at, int bit)
{
    int fd = open(path, O_RDWR);
    uint8_t x = 0;
    CHECK(fd >= 0 && pread(fd, &x, 1, at) == 1, "no byte at %ld", at);
    x ^= (uint8_t)(1 << bit);
    CHECK(pwrite(fd, &x, 1, at) == 1, "not written");
    close(fd);
}

/* Every byte of the header is covered: changed, it either reads as no header at all, or the body does not open. */
static void test_every_byte(void)
{
    bound_world b = open_world("bytes");
    CHECK_OK(save(&b, b.path), &b.w.err);
    void *file;
    size_t n;
    CHECK_OK(lk_file_read(b.path, 1 << 24, &file, &n, &b.w.err), &b.w.err);
    const uint8_t *f = file;
    long head = 12 + ((long)f[10] << 8 | f[11]);
    long tried = 0, opened = 0;
    for (long at = 0; at < head + 24; at++, tried++) {
        spoil(b.path, at, (int)(at % 8));
        lk_status s = load(b.path, b.both, 2, NULL, &b.w.err);
        opened += s == LK_OK;
        CHECK(s == LK_E_FORMAT || s == LK_E_CONSENT, "byte %ld: status %d: %s", at, (int)s, b.w.err.message);
        spoil(b.path, at, (int)(at % 8));
    }
    const long in_body[] = {head + 24, head + 25, head + 24 + 262144, head + 24 + 262160, (long)n - 1, (long)n - 17};
    for (size_t i = 0; i < LK_COUNT(in_body); i++) {
        spoil(b.path, in_body[i], 3);
        CHECK_STATUS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_FORMAT, &b.w.err);
        spoil(b.path, in_body[i], 3);
    }
    CHECK(tried > 600 && opened == 0, "%ld of %ld changed files opened", opened, tried);
    CHECK_OK(load(b.path, b.both, 2, NULL, &b.w.err), &b.w.err);
    for (size_t cut = 0; cut < n; cut += cut < 700 ? 7 : 33333) {
        CHECK_OK(lk_file_write_atomic(b.path, file, cut, &b.w.err), &b.w.err);
        CHECK_STATUS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_FORMAT, &b.w.err);
    }
    lk_free(file);
    close_world(&b);
}

/* Behind the header of one model the body of another: both of this studio, both in order. */
static void test_exchanged(void)
{
    bound_world b = open_world("exchanged");
    char other[180];
    void *f1, *f2;
    size_t n1, n2;
    snprintf(other, sizeof other, "%s/other.likeness", b.w.dir);
    CHECK_OK(save(&b, b.path), &b.w.err);
    fill_body(2);
    CHECK_OK(save(&b, other), &b.w.err);
    CHECK_OK(lk_file_read(b.path, 1 << 24, &f1, &n1, &b.w.err), &b.w.err);
    CHECK_OK(lk_file_read(other, 1 << 24, &f2, &n2, &b.w.err), &b.w.err);
    CHECK_INT(n1, n2);
    size_t head = 12 + ((size_t)((uint8_t *)f1)[10] << 8 | ((uint8_t *)f1)[11]);
    memcpy(f2, f1, head);
    CHECK_OK(lk_file_write_atomic(other, f2, n2, &b.w.err), &b.w.err);
    CHECK_SAYS(load(other, b.both, 2, NULL, &b.w.err), LK_E_FORMAT, "do not belong together");
    lk_free(f1);
    lk_free(f2);
    close_world(&b);
}

/* A header of one's own making, as an intruder would write it: Bob's face out, a longer term in. */
static void test_forged_header(void)
{
    bound_world b = open_world("forged");
    void *file;
    size_t n;
    CHECK_OK(save(&b, b.path), &b.w.err);
    CHECK_OK(lk_file_read(b.path, 1 << 24, &file, &n, &b.w.err), &b.w.err);
    uint8_t *f = file;
    size_t head = (size_t)f[10] << 8 | f[11];
    /* Ann's use: the word in the header, of the same length. */
    uint8_t *use = memmem(f, 12 + head, "face-source", 11);
    CHECK(use, "no use in the header");
    if (use) memcpy(use, "face-target", 11);
    CHECK_OK(lk_file_write_atomic(b.path, f, n, &b.w.err), &b.w.err);
    lk_grant *ann = NULL;
    lk_consent_record wide;
    CHECK_OK(lk_consent_issue(b.w.r, "Ann", LK_USE_FACE_TARGET, DAY, "film", "target too", &wide, &b.w.err), &b.w.err);
    CHECK_OK(lk_grant_get(b.w.r, "Ann", LK_USE_FACE_TARGET, "test", &ann, &b.w.err), &b.w.err);
    if (use) memcpy(memmem(f, 12 + head, b.w.ann_record.id, 36), wide.id, 36);
    CHECK_OK(lk_file_write_atomic(b.path, f, n, &b.w.err), &b.w.err);
    const lk_grant *g[2] = {ann, b.bob};
    static lk_bind_info info;
    lk_status s = lk_bind_info_read(b.path, &info, &b.w.err);
    CHECK(s == LK_OK, "the forged header is well formed: %s", b.w.err.message);
    CHECK_SAYS(load(b.path, g, 2, NULL, &b.w.err), LK_E_FORMAT, "do not belong together");
    lk_free(file);
    lk_grant_free(&ann);
    close_world(&b);
}

/* --- keys --------------------------------------------------------------------------------------------------- */

/* The folder copied, with keys and all; and the file taken to another project. */
static void test_elsewhere(void)
{
    bound_world b = open_world("elsewhere");
    char line[400], path[200];
    lk_registry *copy = NULL, *far = NULL;
    lk_grant *g = NULL;
    CHECK_OK(save(&b, b.path), &b.w.err);
    lk_grant_free(&b.ann);
    lk_grant_free(&b.bob);
    lk_registry_close(&b.w.r);
    snprintf(line, sizeof line, "cp -r %s %s.copy", b.w.dir, b.w.dir);
    CHECK(system(line) == 0, "not copied");
    snprintf(line, sizeof line, "%s.copy", b.w.dir);
    CHECK_OK(lk_registry_open(line, false, &copy, &b.w.err), &b.w.err);
    CHECK_SAYS(lk_grant_get(copy, "Ann", LK_USE_FACE_SOURCE, "test", &g, &b.w.err), LK_E_CONSENT, "copy");
    lk_registry_close(&copy);
    /* The copy says that it is the only one; whose registry no longer has the key cannot open the file. */
    CHECK_OK(lk_registry_open(line, false, &copy, &b.w.err), &b.w.err);
    CHECK_OK(lk_registry_moved(copy, &b.w.err), &b.w.err);
    bound_world c = {.w = {.r = copy}};
    snprintf(c.w.dir, sizeof c.w.dir, "%.127s", line);
    snprintf(c.path, sizeof c.path, "%.127s/model.likeness", line);
    grants(&c);
    CHECK_OK(load(c.path, c.both, 2, NULL, &b.w.err), &b.w.err);
    intrude(&c.w, "DELETE FROM bound_record; DELETE FROM bound");
    CHECK_SAYS(load(c.path, c.both, 2, NULL, &b.w.err), LK_E_CONSENT, "does not hold the key");
    lk_grant_free(&c.ann);
    lk_grant_free(&c.bob);
    lk_registry_close(&copy);
    snprintf(line, sizeof line, "rm -r %s.copy", b.w.dir);
    CHECK(system(line) == 0, "not removed");
    /* A project of its own, in which people of those names agreed to the same. */
    snprintf(path, sizeof path, "%s/far", b.w.dir);
    CHECK_OK(lk_registry_open(path, true, &far, &b.w.err), &b.w.err);
    CHECK_OK(lk_subject_add(far, "Ann", false, NULL, &b.w.err), &b.w.err);
    CHECK_OK(lk_subject_add(far, "Bob", false, NULL, &b.w.err), &b.w.err);
    CHECK_OK(lk_consent_issue(far, "Ann", LK_USE_FACE_SOURCE, DAY, "film", "yes", NULL, &b.w.err), &b.w.err);
    CHECK_OK(lk_consent_issue(far, "Bob", LK_USE_FACE_TARGET, DAY, "film", "yes", NULL, &b.w.err), &b.w.err);
    c.w.r = far;
    grants(&c);
    CHECK_SAYS(load(b.path, c.both, 2, NULL, &b.w.err), LK_E_CONSENT, "not at hand");
    lk_grant_free(&c.ann);
    lk_grant_free(&c.bob);
    lk_registry_close(&far);
    snprintf(line, sizeof line, "rm -r %s", path);
    CHECK(system(line) == 0, "not removed");
    world_reopen(&b.w);
    close_world(&b);
}

static void test_destroyed(void)
{
    bound_world b = open_world("destroyed");
    uint8_t key[LK_BIND_TICKET];
    CHECK_OK(save(&b, b.path), &b.w.err);
    wrapped_key(&b.w, key);
    CHECK(in_database(&b.w, key, sizeof key), "the search finds nothing even while it is there");
    CHECK_OK(lk_consent_revoke(b.w.r, b.w.bob_record.id, "no more", &b.w.err), &b.w.err);
    CHECK(!in_database(&b.w, key, 24), "the key can still be read in the database's files");
    CHECK_INT(ask_number(&b.w, "SELECT count(*) FROM bound WHERE wrapped IS NULL AND destroyed > 0"), 1);
    CHECK_INT(ask_number(&b.w, "SELECT count(*) FROM audit WHERE kind = 'destroy'"), 1);
    CHECK_SAYS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_CONSENT, "revoked");
    CHECK_OK(lk_audit_verify(b.w.r, NULL, &b.w.err), &b.w.err);
    /* An intruder who takes the revocation back out of the tables has won nothing: the log knows, and the key is gone. */
    intrude(&b.w, "DELETE FROM revocation; UPDATE bound SET destroyed = 0");
    CHECK_STATUS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_CONSENT, &b.w.err);
    CHECK_OK(lk_consent_revoke(b.w.r, b.w.bob_record.id, "twice is fine", &b.w.err), &b.w.err);
    close_world(&b);
}

/* What was written under a key while the consent ended does not open, and nothing more is written. */
static void test_revoked_while_writing(void)
{
    bound_world b = open_world("while");
    lk_bind_key *k = NULL;
    lk_bind_writer *w = NULL;
    lk_draft d;
    lk_bind_info what = about();
    CHECK_OK(lk_bind_key_new("swap checkpoint", b.path, b.both, 2, &k, &b.w.err), &b.w.err);
    CHECK_OK(save_with(k, b.path, &b.w.err), &b.w.err);
    CHECK_OK(lk_bind_write(k, b.path, &what, &w, &b.w.err), &b.w.err);
    CHECK_OK(put_all(w, &b.w.err), &b.w.err);
    int before = count_entries(b.w.dir);
    CHECK_OK(lk_consent_revoke(b.w.r, b.w.ann_record.id, "no more", &b.w.err), &b.w.err);
    CHECK_STATUS(lk_bind_finish(&w, &d, &b.w.err), LK_E_CONSENT, &b.w.err);
    CHECK(d.fd < 0 && !w, "a refused file is still open");
    CHECK_INT(count_entries(b.w.dir), before);
    CHECK_STATUS(save_with(k, b.path, &b.w.err), LK_E_CONSENT, &b.w.err);
    lk_bind_key_free(&k);
    CHECK_STATUS(lk_bind_key_new("swap checkpoint", b.path, b.both, 2, &k, &b.w.err), LK_E_CONSENT, &b.w.err);
    CHECK(!k, "a key without consent");
    close_world(&b);
}

/* One key for all checkpoints of a training: taken up again from the file, and for the same people only. */
static void test_taken_up_again(void)
{
    bound_world b = open_world("again");
    lk_bind_key *k = NULL;
    static lk_bind_info info;
    CHECK_OK(save(&b, b.path), &b.w.err);
    CHECK_OK(lk_bind_info_read(b.path, &info, &b.w.err), &b.w.err);
    CHECK_OK(lk_bind_key_open(&info, b.path, b.both, 2, &k, &b.w.err), &b.w.err);
    fill_body(3);
    CHECK_OK(save_with(k, b.path, &b.w.err), &b.w.err);
    CHECK_OK(load(b.path, b.both, 2, NULL, &b.w.err), &b.w.err);
    CHECK_INT(ask_number(&b.w, "SELECT count(*) FROM bound"), 1);
    lk_bind_key_free(&k);
    CHECK_STATUS(lk_bind_key_open(&info, b.path, b.both, 1, &k, &b.w.err), LK_E_CONSENT, &b.w.err);
    close_world(&b);
}

static lk_status count_bound(void *user, const lk_bound *x)
{
    int *n = user;
    n[x->destroyed != 0]++;
    return LK_OK;
}

static void test_list(void)
{
    bound_world b = open_world("list");
    char other[180];
    int all[2] = {0}, of_bob[2] = {0};
    snprintf(other, sizeof other, "%s/other.likeness", b.w.dir);
    CHECK_OK(save(&b, b.path), &b.w.err);
    b.both[1] = NULL;
    lk_bind_key *k = NULL;
    CHECK_OK(lk_bind_key_new("face dataset", other, b.both, 1, &k, &b.w.err), &b.w.err);
    lk_bind_key_free(&k);
    CHECK_OK(lk_bound_each(b.w.r, NULL, count_bound, all, &b.w.err), &b.w.err);
    CHECK(all[0] == 2 && all[1] == 0, "%d there, %d destroyed", all[0], all[1]);
    CHECK_OK(lk_consent_revoke(b.w.r, b.w.bob_record.id, "no more", &b.w.err), &b.w.err);
    CHECK_OK(lk_bound_each(b.w.r, b.w.bob_record.id, count_bound, of_bob, &b.w.err), &b.w.err);
    CHECK(of_bob[0] == 0 && of_bob[1] == 1, "%d there, %d destroyed", of_bob[0], of_bob[1]);
    memset(all, 0, sizeof all);
    CHECK_OK(lk_bound_each(b.w.r, NULL, count_bound, all, &b.w.err), &b.w.err);
    CHECK(all[0] == 1 && all[1] == 1, "Ann's dataset went with Bob's consent");
    close_world(&b);
}

/* --- an archive for another studio ------------------------------------------------------------------------- */

static void test_ticket(void)
{
    bound_world b = open_world("ticket");
    uint8_t far[LK_SIGN_PUBLIC], far_sec[LK_SIGN_SECRET], box[LK_BIND_TICKET], sec[LK_SEAL_SECRET], plain[32];
    static lk_bind_info info;
    CHECK_OK(save(&b, b.path), &b.w.err);
    CHECK_OK(lk_bind_info_read(b.path, &info, &b.w.err), &b.w.err);
    CHECK_OK(lk_sign_keypair(far, far_sec, &b.w.err), &b.w.err);
    CHECK_SAYS(lk_bind_ticket_make(b.w.r, &info, far, b.both, 2, box, &b.w.err), LK_E_CONSENT, "not granted");
    /* To this studio itself: a backup of the key. It comes back in only while consent stands. */
    CHECK_OK(lk_bind_ticket_make(b.w.r, &info, lk_registry_key(b.w.r), b.both, 2, box, &b.w.err), &b.w.err);
    CHECK_INT(ask_number(&b.w, "SELECT count(*) FROM audit WHERE kind = 'export'"), 1);
    intrude(&b.w, "DELETE FROM bound_record; DELETE FROM bound");
    CHECK_SAYS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_CONSENT, "does not hold the key");
    CHECK_STATUS(lk_bind_ticket_take(b.w.r, &info, b.path, box, b.both, 1, &b.w.err), LK_E_CONSENT, &b.w.err);
    box[40] ^= 1;
    CHECK_SAYS(lk_bind_ticket_take(b.w.r, &info, b.path, box, b.both, 2, &b.w.err), LK_E_CONSENT, "another studio");
    box[40] ^= 1;
    CHECK_OK(lk_bind_ticket_take(b.w.r, &info, b.path, box, b.both, 2, &b.w.err), &b.w.err);
    CHECK_OK(load(b.path, b.both, 2, NULL, &b.w.err), &b.w.err);
    CHECK_OK(lk_consent_revoke(b.w.r, b.w.ann_record.id, "no more", &b.w.err), &b.w.err);
    CHECK_STATUS(lk_bind_ticket_take(b.w.r, &info, b.path, box, b.both, 2, &b.w.err), LK_E_CONSENT, &b.w.err);
    lk_seal_secret_of_signer(far_sec, sec);
    CHECK(lk_seal_open(sec, box, sizeof box, plain, &b.w.err) != LK_OK, "a stranger opens the ticket");
    close_world(&b);
}

static const check_test tests[] = {{"there and back", test_there_and_back},
                                   {"whose consent", test_whose_consent},
                                   {"term", test_term},
                                   {"every byte", test_every_byte},
                                   {"exchanged", test_exchanged},
                                   {"forged header", test_forged_header},
                                   {"elsewhere", test_elsewhere},
                                   {"destroyed", test_destroyed},
                                   {"revoked while writing", test_revoked_while_writing},
                                   {"taken up again", test_taken_up_again},
                                   {"list", test_list},
                                   {"ticket", test_ticket}};

int main(int argc, char **argv)
{
    if (!sqlite_fault_install()) return 1;
    tempdir_make("cbind");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
