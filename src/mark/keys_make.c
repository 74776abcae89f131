/* keys_make.c: making, importing, rotating and replacing an identity.
 *
 * signer.pem is written last and taken away first: it alone says that an identity
 * is there, so that a crash leaves a whole one or none. Nothing that is replaced is
 * lost: it moves to old/. One process at a time, by a lock on the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mark/keys_impl.h"
#include "media/http.h"

#define DEMO_DAYS 3650

static const char *const identity_files[] = {"signer.pem", "root.key", "root.pem", "passphrase"};

static lk_status lock(const char *dir, int *fd, lk_error *err)
{
    *fd = -1;
    LK_TRY(lk_dir_make(dir, err));
    if (chmod(dir, 0700) == 0) *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return LK_FAIL(err, LK_E_IO, "%s cannot be used (%s); check whose it is", dir, strerror(errno));
    while (flock(*fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            close(*fd);
            return LK_FAIL(err, LK_E_IO, "%s cannot be locked (%s); is it on a network disk?", dir,
                           strerror(errno));
        }
    return LK_OK;
}

static lk_status write_text(const char *dir, const char *name, const lk_text *t, unsigned mode, lk_error *err)
{
    char *path = t->failed ? NULL : lk_strfmt("%s/%s", dir, name);
    if (!path) return KEYS_NO_MEMORY(err);
    lk_status s = lk_file_write_mode(path, t->s, t->len, mode, err);
    lk_free(path);
    return s;
}

static void forget(lk_text *t)
{
    if (t->s) lk_wipe(t->s, t->len);
    lk_text_clear(t);
}

/* A key, encrypted, with its certificates; key NULL: certificates alone. */
static lk_status write_pem(const char *dir, const char *name, const lk_pk *key, const pass_note *note,
                           const char *passphrase, const lk_der *certs, int count, lk_error *err)
{
    lk_text t = {0};
    char *key_pem = NULL, *cert_pem = NULL;
    lk_status s = LK_OK;
    if (key) {
        pass_note_write(note, &t);
        s = (note->kind == PASS_OWN ? lk_pk_to_pem : lk_pk_to_pem_random)(key, passphrase, &key_pem, err);
        if (s == LK_OK) lk_text_addn(&t, key_pem, strlen(key_pem));
    }
    if (s == LK_OK && count) s = lk_cert_to_pem(certs, count, &cert_pem, err);
    if (s == LK_OK && count) lk_text_addn(&t, cert_pem, strlen(cert_pem));
    if (s == LK_OK) s = write_text(dir, name, &t, key ? 0600 : 0644, err);
    lk_free(key_pem);
    lk_free(cert_pem);
    forget(&t);
    return s;
}

/* dir/old/DATE-RANDOM, made. */
static lk_status old_folder(const char *dir, char out[1024], lk_error *err)
{
    uint8_t r[4];
    char now[32];
    LK_TRY(lk_random_bytes(r, sizeof r, err));
    lk_time_iso(lk_wall_time(), now);
    int n = snprintf(out, 1024, "%s/old/%.10s-%02x%02x%02x%02x", dir, now, r[0], r[1], r[2], r[3]);
    if (n >= 1024) return LK_FAIL(err, LK_E_RANGE, "the path %s is too long", dir);
    return lk_dir_make(out, err);
}

/* Whatever of an identity is there moves to old/, signer.pem first. */
static lk_status put_away(const char *dir, lk_error *err)
{
    char folder[1024] = "";
    for (size_t i = 0; i < LK_COUNT(identity_files); i++) {
        char *from = lk_strfmt("%s/%s", dir, identity_files[i]), *to = NULL;
        lk_status s = from ? LK_OK : KEYS_NO_MEMORY(err);
        if (s == LK_OK && lk_path_exists(from)) {
            if (!*folder) s = old_folder(dir, folder, err);
            if (s == LK_OK && !(to = lk_strfmt("%s/%s", folder, identity_files[i]))) s = KEYS_NO_MEMORY(err);
            if (s == LK_OK) s = lk_file_sync_rename(from, to, err);
        }
        lk_free(to);
        lk_free(from);
        LK_TRY(s);
    }
    return LK_OK;
}

/* May a new identity be put here? A demo one gives way; another only when asked for. */
static lk_status make_room(const char *dir, bool replace, lk_error *err)
{
    lk_keys_info info;
    if (lk_keys_exist(dir) && !replace) {
        LK_TRY(lk_keys_look(dir, &info, err));
        if (!info.demo)
            return LK_FAIL(
                err, LK_E_STATE,
                "there is a signing key of %s in %s already; likeness keys rotate renews it, --replace puts "
                "another in its place",
                info.leaf.common_name, dir);
    }
    return put_away(dir, err);
}

/* --- making ----------------------------------------------------------------------------------------- */

static lk_status write_identity(const char *dir, const lk_keys_spec *spec, const pass_note *note,
                                const char *passphrase, lk_error *err)
{
    lk_pk *root_key = NULL, *key = NULL;
    lk_der root = {0}, leaf = {0};
    char root_name[128];
    /* Names in certificates hold 64 bytes; the root's loses its end rather than its mark. */
    snprintf(root_name, sizeof root_name, "%.59s root", spec->name.common_name);
    lk_cert_name named_root = spec->name;
    named_root.common_name = root_name;
    lk_status s;
    LK_GOTO(done, lk_pk_new(spec->alg, &root_key, err));
    LK_GOTO(done, lk_pk_new(spec->alg, &key, err));
    LK_GOTO(done, lk_cert_root(root_key, &named_root, spec->root_days, &root, err));
    LK_GOTO(done, lk_cert_leaf(key, &spec->name, spec->leaf_days, root_key, &root, &leaf, err));
    LK_GOTO(done, write_pem(dir, "root.key", root_key, note, passphrase, NULL, 0, err));
    LK_GOTO(done, write_pem(dir, "root.pem", NULL, NULL, NULL, &root, 1, err));
    LK_GOTO(done, write_pem(dir, "signer.pem", key, note, passphrase, &leaf, 1, err));
done:
    lk_pk_free(&root_key);
    lk_pk_free(&key);
    lk_free(root.data);
    lk_free(leaf.data);
    return s;
}

/* With the lock held. */
static lk_status make(const char *dir, const lk_keys_spec *spec, const lk_keys_pass *pass, bool demo,
                      lk_error *err)
{
    pass_note note;
    char passphrase[LK_KEYS_PASSPHRASE_MAX] = "";
    LK_TRY(make_room(dir, spec->replace, err));
    lk_status s = pass_new(dir, pass, demo, &note, passphrase, err);
    if (s == LK_OK) s = write_identity(dir, spec, &note, passphrase, err);
    lk_wipe(passphrase, sizeof passphrase);
    return s;
}

lk_status lk_keys_make(const char *dir, const lk_keys_spec *spec, const lk_keys_pass *pass, lk_error *err)
{
    int fd;
    if (!spec->name.common_name || !*spec->name.common_name)
        return LK_FAIL(err, LK_E_ARG, "say who signs: --name \"Studio X\"");
    if (strcasestr(spec->name.common_name, "Likeness DEMO"))
        return LK_FAIL(err, LK_E_ARG, "\"%s\" is how demo keys are called; choose the name of your studio",
                       spec->name.common_name);
    LK_TRY(lock(dir, &fd, err));
    lk_status s = make(dir, spec, pass, false, err);
    close(fd);
    return s;
}

lk_status lk_keys_make_demo(const char *dir, lk_error *err)
{
    lk_keys_spec spec = {.name = {LK_KEYS_DEMO_NAME, "Likeness DEMO", NULL},
                         .alg = LK_PK_ES256,
                         .root_days = DEMO_DAYS,
                         .leaf_days = DEMO_DAYS};
    int fd;
    if (lk_keys_exist(dir)) return LK_OK;
    LK_TRY(lock(dir, &fd, err));
    /* Two first uses at once: the second finds the first one's. */
    lk_status s = lk_keys_exist(dir) ? LK_OK : make(dir, &spec, NULL, true, err);
    close(fd);
    return s;
}

/* --- one's own certificate --------------------------------------------------------------------------- */

/* A root at the end is kept apart: it is not sent along with signatures. */
static lk_status judge_chain(const char *path, const lk_der *chain, int *count, lk_der *root, lk_error *err)
{
    lk_cert_info info;
    char why[160];
    LK_TRY(lk_cert_read(chain[*count - 1].data, chain[*count - 1].n, &info, err));
    if (*count == 1 && info.self_signed)
        return LK_FAIL(err, LK_E_ARG,
                       "%s: a certificate that signed itself is trusted nowhere; get one from an issuer, or "
                       "let likeness "
                       "keys make make a root and a leaf",
                       path);
    if (*count > 1 && info.self_signed) *root = chain[--*count];
    lk_cert_verdict v = lk_cert_judge(chain, *count, root, root->n ? 1 : 0, lk_wall_time(), why);
    if (v == LK_CERT_INVALID || v == LK_CERT_EXPIRED || (v == LK_CERT_UNTRUSTED && root->n))
        return LK_FAIL(err, LK_E_FORMAT, "%s cannot be used: %s", path, why);
    return LK_OK;
}

static lk_status read_own_key(const char *path, const char *pass_file, const lk_keys_pass *pass, lk_pk **key,
                              lk_error *err)
{
    char passphrase[LK_KEYS_PASSPHRASE_MAX] = "", what[1100];
    void *text = NULL;
    size_t n = 0;
    LK_TRY(lk_file_read(path, KEYS_FILE_MAX, &text, &n, err));
    lk_status s = pass_file ? pass_read(pass_file, passphrase, err) : LK_OK;
    if (s == LK_OK) s = lk_pk_from_pem(text, n, *passphrase ? passphrase : NULL, key, err);
    snprintf(what, sizeof what, "passphrase of %s", path);
    if (s == LK_E_ARG && !pass_file && pass && pass->ask &&
        pass->ask(pass->ask_user, what, false, passphrase))
        s = lk_pk_from_pem(text, n, passphrase, key, err);
    if (s == LK_E_ARG || s == LK_E_FORMAT || s == LK_E_UNSUPPORTED) {
        lk_error why = err ? *err : (lk_error){0};
        s = LK_FAIL(err, s, "%s: %.300s", path, why.message);
    }
    lk_wipe(passphrase, sizeof passphrase);
    lk_wipe(text, n);
    lk_free(text);
    return s;
}

static lk_status import(const char *dir, const lk_pk *key, const lk_der *chain, int count, const lk_der *root,
                        bool replace, const lk_keys_pass *pass, lk_error *err)
{
    pass_note note;
    char passphrase[LK_KEYS_PASSPHRASE_MAX] = "";
    LK_TRY(make_room(dir, replace, err));
    lk_status s = pass_new(dir, pass, false, &note, passphrase, err);
    if (s == LK_OK && root->n) s = write_pem(dir, "root.pem", NULL, NULL, NULL, root, 1, err);
    if (s == LK_OK) s = write_pem(dir, "signer.pem", key, &note, passphrase, chain, count, err);
    lk_wipe(passphrase, sizeof passphrase);
    return s;
}

lk_status lk_keys_import(const char *dir, const char *chain_path, const char *key_path,
                         const char *key_pass_file, bool replace, const lk_keys_pass *pass, lk_error *err)
{
    lk_der chain[KEYS_CHAIN_MAX + 1], root = {0};
    int all = 0, fd;
    lk_pk *key = NULL;
    LK_TRY(keys_read_certs(chain_path, chain, KEYS_CHAIN_MAX + 1, &all, err));
    int count = all;
    lk_status s = judge_chain(chain_path, chain, &count, &root, err);
    if (s == LK_OK) s = read_own_key(key_path, key_pass_file, pass, &key, err);
    if (s == LK_OK && !lk_cert_matches_key(chain[0].data, chain[0].n, key))
        s = LK_FAIL(err, LK_E_ARG,
                    "%s is not the key of the first certificate in %s; the signer's own comes first",
                    key_path, chain_path);
    if (s == LK_OK) s = lock(dir, &fd, err);
    if (s == LK_OK) {
        s = import(dir, key, chain, count, &root, replace, pass, err);
        close(fd);
    }
    lk_pk_free(&key);
    keys_free_certs(chain, all);
    return s;
}

/* --- renewal ----------------------------------------------------------------------------------------- */

static lk_status read_root(const char *dir, const lk_keys_pass *pass, pass_note *note,
                           char passphrase[LK_KEYS_PASSPHRASE_MAX], lk_pk **key, lk_der *root, lk_error *err)
{
    char *key_path = lk_strfmt("%s/root.key", dir), *cert_path = lk_strfmt("%s/root.pem", dir), *text = NULL;
    size_t n = 0;
    int count = 0;
    lk_status s = key_path && cert_path ? LK_OK : KEYS_NO_MEMORY(err);
    if (s == LK_OK && !lk_path_exists(key_path))
        s = LK_FAIL(err, LK_E_STATE,
                    "the certificate in %s was not made here, so it cannot be renewed here; ask its issuer "
                    "for a new one "
                    "and give it to likeness keys import --replace",
                    dir);
    if (s == LK_OK) s = keys_read_private(key_path, &text, &n, err);
    if (s == LK_OK && !pass_note_read(text, note))
        s = LK_FAIL(err, LK_E_FORMAT, "%s does not begin as a signing key does; restore it from a copy",
                    key_path);
    if (s == LK_OK) s = pass_find(dir, note, pass, passphrase, err);
    if (s == LK_OK && (s = lk_pk_from_pem(text, n, passphrase, key, err)) == LK_E_ARG)
        s = LK_FAIL(err, LK_E_MARK, "%s is encrypted and the passphrase does not open it", key_path);
    if (s == LK_OK) s = keys_read_certs(cert_path, root, 1, &count, err);
    if (text) lk_wipe(text, n);
    lk_free(text);
    lk_free(key_path);
    lk_free(cert_path);
    return s;
}

/* The old certificate stays readable in old/; its key is overwritten by the new signer.pem. */
static lk_status keep_old_chain(const char *dir, lk_error *err)
{
    lk_der chain[KEYS_CHAIN_MAX];
    char folder[1024];
    int count = 0;
    char *path = lk_strfmt("%s/signer.pem", dir);
    lk_status s = path ? keys_read_certs(path, chain, KEYS_CHAIN_MAX, &count, err) : KEYS_NO_MEMORY(err);
    if (s == LK_OK) s = old_folder(dir, folder, err);
    if (s == LK_OK) s = write_pem(folder, "signer-certificate.pem", NULL, NULL, NULL, chain, count, err);
    keys_free_certs(chain, count);
    lk_free(path);
    return s;
}

static lk_status rotate(const char *dir, int leaf_days, const lk_keys_pass *pass, lk_error *err)
{
    char passphrase[LK_KEYS_PASSPHRASE_MAX] = "";
    lk_pk *root_key = NULL, *key = NULL;
    lk_der root = {0}, leaf = {0};
    lk_keys_info info;
    pass_note note;
    lk_status s;
    LK_TRY(lk_keys_look(dir, &info, err));
    LK_GOTO(done, read_root(dir, pass, &note, passphrase, &root_key, &root, err));
    lk_cert_name name = {info.leaf.common_name, info.leaf.organization, NULL};
    LK_GOTO(done, lk_pk_new(lk_pk_alg_of(root_key), &key, err));
    LK_GOTO(done, lk_cert_leaf(key, &name, leaf_days, root_key, &root, &leaf, err));
    LK_GOTO(done, keep_old_chain(dir, err));
    LK_GOTO(done, write_pem(dir, "signer.pem", key, &note, passphrase, &leaf, 1, err));
done:
    lk_wipe(passphrase, sizeof passphrase);
    lk_pk_free(&root_key);
    lk_pk_free(&key);
    lk_free(root.data);
    lk_free(leaf.data);
    return s;
}

lk_status lk_keys_rotate(const char *dir, int leaf_days, const lk_keys_pass *pass, lk_error *err)
{
    int fd;
    if (!lk_keys_exist(dir))
        return LK_FAIL(err, LK_E_NOTFOUND, "there is no signing key in %s; make one with: likeness keys make",
                       dir);
    LK_TRY(lock(dir, &fd, err));
    lk_status s = rotate(dir, leaf_days, pass, err);
    close(fd);
    return s;
}

/* --- trust and time stamps ----------------------------------------------------------------------------- */

lk_status lk_keys_trust(const char *dir, const char *pem_path, int *count, lk_error *err)
{
    enum { MOST = 1000 };
    lk_der *certs = lk_alloc(MOST * sizeof *certs);
    *count = 0;
    if (!certs) return KEYS_NO_MEMORY(err);
    int n = 0;
    lk_status s = keys_read_certs(pem_path, certs, MOST, &n, err);
    char *folder = lk_strfmt("%s/trust", dir);
    if (s == LK_OK && !folder) s = KEYS_NO_MEMORY(err);
    if (s == LK_OK) s = lk_dir_make(folder, err);
    for (int i = 0; s == LK_OK && i < n; i++) {
        lk_cert_info info;
        char hex[LK_HASH_HEX], name[32];
        s = lk_cert_read(certs[i].data, certs[i].n, &info, err);
        lk_hash_hex(&info.sha256, hex);
        snprintf(name, sizeof name, "%.20s.pem", hex); /* the same one twice is one file */
        if (s == LK_OK) s = write_pem(folder, name, NULL, NULL, NULL, &certs[i], 1, err);
    }
    if (s == LK_OK) *count = n;
    keys_free_certs(certs, n);
    lk_free(certs);
    lk_free(folder);
    return s;
}

lk_status lk_keys_set_tsa(const char *dir, const char *url, lk_error *err)
{
    char *path = lk_strfmt("%s/tsa", dir);
    lk_status s = path ? LK_OK : KEYS_NO_MEMORY(err);
    if (s == LK_OK && !url && unlink(path) != 0 && errno != ENOENT)
        s = LK_FAIL(err, LK_E_IO, "%s cannot be removed (%s); check its rights", path, strerror(errno));
    if (s == LK_OK && url) {
        lk_text t = {0};
        s = lk_media_http_check(url, err);
        lk_text_add(&t, "%s\n", url);
        if (s == LK_OK) s = lk_dir_make(dir, err);
        if (s == LK_OK) s = write_text(dir, "tsa", &t, 0644, err);
        lk_text_clear(&t);
    }
    lk_free(path);
    return s;
}
