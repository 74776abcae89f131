/* keys.c: using a signing identity: what it is, whom it trusts, and the open key that signs. */
#include "mark/keys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mark/keys_impl.h"
#include "media/http.h"

#define STAMP_SECONDS 20.0
enum { ANCHORS_MAX = 1000 };

struct lk_keys {
    lk_pk *key;
    lk_der chain[KEYS_CHAIN_MAX];
    int chain_count;
    lk_anchors anchors;
    lk_cert_info who;
    char tsa[512];
};

/* --- files -------------------------------------------------------------------------------------- */

lk_status keys_read_private(const char *path, char **text, size_t *n, lk_error *err)
{
    struct stat st;
    void *data = NULL;
    *text = NULL;
    if (stat(path, &st) == 0 && (st.st_mode & 077))
        return LK_FAIL(err, LK_E_MARK,
                       "others may read the signing key %s; if nobody did, run: chmod 600 '%s'", path, path);
    LK_TRY(lk_file_read(path, KEYS_FILE_MAX, &data, n, err));
    *text = data;
    return LK_OK;
}

void keys_free_certs(lk_der *certs, int count)
{
    for (int i = 0; i < count; i++) lk_free(certs[i].data);
}

/* The reason of a failure, with the file that it is about. */
static lk_status about(const char *path, lk_status s, lk_error *err)
{
    lk_error why = err ? *err : (lk_error){0};
    return s == LK_E_NOMEM ? s : LK_FAIL(err, s, "%s: %.300s", path, why.message);
}

lk_status keys_read_certs(const char *path, lk_der *certs, int max, int *count, lk_error *err)
{
    void *data = NULL;
    size_t n = 0;
    *count = 0;
    LK_TRY(lk_file_read(path, KEYS_FILE_MAX, &data, &n, err));
    lk_status s = lk_cert_from_pem(data, n, certs, max, count, err);
    lk_free(data);
    return s == LK_OK ? s : about(path, s, err);
}

static lk_status file_in(const char *dir, const char *name, char out[1024], lk_error *err)
{
    if (snprintf(out, 1024, "%s/%s", dir, name) >= 1024)
        return LK_FAIL(err, LK_E_RANGE, "the path %s is too long", dir);
    return LK_OK;
}

bool lk_keys_exist(const char *dir)
{
    char path[1024];
    return file_in(dir, "signer.pem", path, NULL) == LK_OK && lk_path_exists(path);
}

bool keys_is_demo(const lk_cert_info *leaf) { return strstr(leaf->common_name, "Likeness DEMO") != NULL; }

static lk_status none_there(const char *dir, lk_error *err)
{
    return LK_FAIL(err, LK_E_NOTFOUND, "there is no signing key in %s; make one with: likeness keys make",
                   dir);
}

static lk_status read_tsa(const char *dir, char out[512], lk_error *err)
{
    char path[1024];
    void *data = NULL;
    size_t n = 0;
    *out = '\0';
    LK_TRY(file_in(dir, "tsa", path, err));
    if (!lk_path_exists(path)) return LK_OK;
    LK_TRY(lk_file_read(path, 4096, &data, &n, err));
    snprintf(out, 512, "%.*s", (int)strcspn(data, "\r\n"), (char *)data);
    lk_free(data);
    lk_status s = lk_media_http_check(out, err);
    return s == LK_OK ? s : about(path, s, err);
}

/* --- trust --------------------------------------------------------------------------------------- */

static lk_status add_file(const char *path, lk_anchors *a, lk_error *err)
{
    lk_der *list = lk_alloc((size_t)ANCHORS_MAX * sizeof *list);
    int n = 0;
    if (!list) return KEYS_NO_MEMORY(err);
    lk_status s = keys_read_certs(path, list, ANCHORS_MAX, &n, err);
    if (s == LK_OK && a->count + n > ANCHORS_MAX)
        s = LK_FAIL(err, LK_E_RANGE, "more than %d trusted issuers; take some out of the folder of %s",
                    ANCHORS_MAX, path);
    lk_der *more = s == LK_OK ? lk_realloc(a->list, (size_t)a->count * sizeof *list,
                                           (size_t)(a->count + n) * sizeof *list)
                              : NULL;
    if (s == LK_OK && !more) s = KEYS_NO_MEMORY(err);
    if (more) {
        memcpy(more + a->count, list, (size_t)n * sizeof *list);
        a->list = more;
        a->count += n;
    } else keys_free_certs(list, n);
    lk_free(list);
    return s;
}

/* The .pem files of a folder, or with file given that file of each folder in it. Order does not matter to
 * trust. */
static lk_status add_folder(const char *dir, const char *sub, const char *file, lk_anchors *a, lk_error *err)
{
    char path[1024], folder[1024], inside[600];
    LK_TRY(file_in(dir, sub, folder, err));
    DIR *d = opendir(folder);
    if (!d && errno == ENOENT) return LK_OK;
    if (!d)
        return LK_FAIL(err, LK_E_IO, "%s cannot be listed (%s); check its rights", folder, strerror(errno));
    lk_status s = LK_OK;
    for (const struct dirent *e = readdir(d); e && s == LK_OK; e = readdir(d)) {
        size_t len = strlen(e->d_name);
        if (*e->d_name == '.' || (!file && (len < 5 || strcmp(e->d_name + len - 4, ".pem")))) continue;
        snprintf(inside, sizeof inside, file ? "%s/%s" : "%s", e->d_name, file ? file : "");
        s = file_in(folder, inside, path, err);
        if (s == LK_OK && lk_path_exists(path)) s = add_file(path, a, err);
    }
    closedir(d);
    return s;
}

lk_status lk_keys_anchors(const char *dir, lk_anchors *a, lk_error *err)
{
    char path[1024];
    LK_TRY(file_in(dir, "root.pem", path, err));
    if (lk_path_exists(path)) LK_TRY(add_file(path, a, err));
    LK_TRY(add_folder(dir, "old", "root.pem", a, err));
    return add_folder(dir, "trust", NULL, a, err);
}

void lk_anchors_clear(lk_anchors *a)
{
    keys_free_certs(a->list, a->count);
    lk_free(a->list);
    *a = (lk_anchors){0};
}

/* --- the identity ---------------------------------------------------------------------------------- */

lk_status lk_keys_look(const char *dir, lk_keys_info *out, lk_error *err)
{
    char path[1024];
    char *text = NULL;
    size_t n = 0;
    pass_note note;
    lk_der chain[KEYS_CHAIN_MAX];
    *out = (lk_keys_info){.demo = false};
    if (!lk_keys_exist(dir)) return none_there(dir, err);
    LK_TRY(file_in(dir, "signer.pem", path, err));
    LK_TRY(keys_read_private(path, &text, &n, err));
    lk_status s = lk_cert_from_pem(text, n, chain, KEYS_CHAIN_MAX, &out->chain_count, err);
    if (s == LK_OK && !pass_note_read(text, &note))
        s = LK_FAIL(err, LK_E_FORMAT, "it does not begin as a signing key does; restore it from a copy");
    if (s == LK_OK) s = lk_cert_read(chain[0].data, chain[0].n, &out->leaf, err);
    if (s != LK_OK) s = about(path, s, err);
    keys_free_certs(chain, out->chain_count);
    lk_wipe(text, n);
    lk_free(text);
    LK_TRY(s);
    out->demo = keys_is_demo(&out->leaf);
    out->random_passphrase = note.kind != PASS_OWN;
    if (out->random_passphrase) LK_TRY(pass_path(dir, &note, out->passphrase_file, err));
    LK_TRY(file_in(dir, "root.key", path, err));
    out->can_rotate = lk_path_exists(path);
    LK_TRY(file_in(dir, "root.pem", path, err));
    if (lk_path_exists(path)) {
        int count = 0;
        LK_TRY(keys_read_certs(path, chain, KEYS_CHAIN_MAX, &count, err));
        s = lk_cert_read(chain[0].data, chain[0].n, &out->root, err);
        keys_free_certs(chain, count);
        LK_TRY(s);
        out->has_root = true;
    }
    return read_tsa(dir, out->tsa, err);
}

lk_status lk_keys_open(const char *dir, const lk_keys_pass *pass, lk_keys **out, lk_error *err)
{
    char path[1024], passphrase[LK_KEYS_PASSPHRASE_MAX] = "";
    char *text = NULL;
    size_t n = 0;
    pass_note note;
    *out = NULL;
    if (!lk_keys_exist(dir)) return none_there(dir, err);
    LK_TRY(file_in(dir, "signer.pem", path, err));
    LK_TRY(keys_read_private(path, &text, &n, err));
    lk_keys *k = lk_calloc(1, sizeof *k);
    lk_status s =
        k ? lk_cert_from_pem(text, n, k->chain, KEYS_CHAIN_MAX, &k->chain_count, err) : KEYS_NO_MEMORY(err);
    if (s == LK_OK && !pass_note_read(text, &note))
        s = LK_FAIL(err, LK_E_FORMAT, "it does not begin as a signing key does; restore it from a copy");
    if (s == LK_OK) s = lk_cert_read(k->chain[0].data, k->chain[0].n, &k->who, err);
    if (s != LK_OK) s = k ? about(path, s, err) : s;
    if (s == LK_OK) s = pass_find(dir, &note, pass, passphrase, err);
    if (s == LK_OK) {
        s = lk_pk_from_pem(text, n, passphrase, &k->key, err);
        if (s != LK_OK) s = about(path, s == LK_E_ARG ? LK_E_MARK : s, err);
    }
    if (s == LK_OK && !lk_cert_matches_key(k->chain[0].data, k->chain[0].n, k->key))
        s = LK_FAIL(err, LK_E_FORMAT,
                    "%s: the key and the certificate do not belong together; restore it from a copy", path);
    if (s == LK_OK) s = lk_keys_anchors(dir, &k->anchors, err);
    if (s == LK_OK) s = read_tsa(dir, k->tsa, err);
    lk_wipe(passphrase, sizeof passphrase);
    lk_wipe(text, n);
    lk_free(text);
    if (s == LK_OK) *out = k;
    else lk_keys_close(&k);
    return s;
}

void lk_keys_close(lk_keys **k)
{
    if (!k || !*k) return;
    lk_pk_free(&(*k)->key);
    keys_free_certs((*k)->chain, (*k)->chain_count);
    lk_anchors_clear(&(*k)->anchors);
    lk_free(*k);
    *k = NULL;
}

const lk_cert_info *lk_keys_who(const lk_keys *k) { return &k->who; }

static lk_status stamp(void *user, const void *request, size_t n, void **response, size_t *response_n,
                       lk_error *err)
{
    const lk_keys *k = user;
    return lk_media_http_post(k->tsa, "application/timestamp-query", request, n, STAMP_SECONDS, response,
                              response_n, err);
}

lk_status lk_keys_signer(const lk_keys *k, c2pa_signer *out, lk_error *err)
{
    char when[32], why[160];
    int64_t now = lk_wall_time();
    *out = (c2pa_signer){.key = NULL};
    if (now < k->who.not_before) {
        lk_time_iso(k->who.not_before, when);
        return LK_FAIL(
            err, LK_E_MARK,
            "the signing certificate of %s is valid only from %.10s; is this computer's clock wrong?",
            k->who.common_name, when);
    }
    if (now >= k->who.not_after) {
        lk_time_iso(k->who.not_after, when);
        return LK_FAIL(
            err, LK_E_MARK,
            "the signing certificate of %s expired on %.10s; make a new one with: likeness keys rotate",
            k->who.common_name, when);
    }
    if (lk_cert_judge(k->chain, k->chain_count, k->anchors.list, k->anchors.count, now, why) ==
        LK_CERT_INVALID)
        return LK_FAIL(err, LK_E_MARK,
                       "nobody would accept what it signs: %s; import another one with: likeness keys import",
                       why);
    *out = (c2pa_signer){.key = k->key,
                         .chain = k->chain,
                         .chain_count = k->chain_count,
                         .demo = keys_is_demo(&k->who),
                         .anchors = k->anchors.list,
                         .anchor_count = k->anchors.count,
                         .time_stamp = *k->tsa ? stamp : NULL,
                         .time_stamp_user = (void *)(uintptr_t)k};
    return LK_OK;
}
