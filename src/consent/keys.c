/* keys.c: the keys folder. Secrets stay out of the database: a copy of it that
 * leaves the house signs nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consent/internal.h"

#define HEADER "likeness ed25519 secret key 1\n"
enum { HEADER_BYTES = sizeof HEADER - 1, KEY_FILE_BYTES = HEADER_BYTES + 2 * LK_SIGN_SECRET + 1 };

static char *key_path(const char *dir, const char *name) { return lk_strfmt("%s/keys/%s", dir, name); }

lk_status keys_folder(const char *dir, lk_error *err)
{
    char *path = lk_strfmt("%s/keys", dir);
    if (!path) return consent_no_memory(err);
    lk_status s = LK_OK;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        s = LK_FAIL(err, LK_E_IO, "%s cannot be made (%s); check the rights of %s", path, strerror(errno),
                    dir);
    lk_free(path);
    return s;
}

bool keys_have(const char *dir, const char *name)
{
    char *path = key_path(dir, name);
    bool have = path && lk_path_exists(path);
    lk_free(path);
    return have;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool key_parse(const char *text, size_t n, uint8_t sec[LK_SIGN_SECRET])
{
    if (n != KEY_FILE_BYTES || memcmp(text, HEADER, HEADER_BYTES) != 0) return false;
    for (int i = 0; i < LK_SIGN_SECRET; i++) {
        int hi = hex_digit(text[HEADER_BYTES + 2 * i]), lo = hex_digit(text[HEADER_BYTES + 2 * i + 1]);
        if (hi < 0 || lo < 0) return false;
        sec[i] = (uint8_t)(hi << 4 | lo);
    }
    return text[n - 1] == '\n';
}

lk_status keys_load(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err)
{
    static const char probe[] = "likeness key probe";
    uint8_t sig[LK_SIGN_BYTES];
    void *text = NULL;
    size_t n = 0;
    struct stat st;
    lk_status s;
    char *path = key_path(dir, name);
    if (!path) return consent_no_memory(err);
    if (stat(path, &st) != 0) {
        s = LK_FAIL(err, LK_E_NOTFOUND,
                    "the key %s is missing (%s); restore it from a copy, no other key fits", path,
                    strerror(errno));
        goto done;
    }
    if (st.st_mode & 077) {
        s = LK_FAIL(err, LK_E_CONSENT, "others may read the key %s; if nobody did, run: chmod 600 '%s'", path,
                    path);
        goto done;
    }
    LK_GOTO(done, lk_file_read(path, KEY_FILE_BYTES, &text, &n, err));
    if (!key_parse(text, n, sec)) {
        s = LK_FAIL(err, LK_E_FORMAT, "the key %s is damaged; restore it from a copy", path);
        goto done;
    }
    /* The second half of a secret is its public key; what signs and verifies is whole. */
    memcpy(pub, sec + LK_SIGN_SECRET - LK_SIGN_PUBLIC, LK_SIGN_PUBLIC);
    LK_GOTO(done, lk_sign_make(sec, probe, sizeof probe, sig, err));
    if (!lk_sign_check(pub, probe, sizeof probe, sig))
        s = LK_FAIL(err, LK_E_FORMAT, "the key %s is damaged; restore it from a copy", path);
done:
    if (s != LK_OK) lk_wipe(sec, LK_SIGN_SECRET);
    if (text) lk_wipe(text, n);
    lk_free(text);
    lk_free(path);
    return s;
}

lk_status keys_make(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err)
{
    char text[KEY_FILE_BYTES + 1];
    char id[37];
    LK_TRY(new_id(id, err));
    LK_TRY(lk_sign_keypair(pub, sec, err));
    memcpy(text, HEADER, HEADER_BYTES);
    for (int i = 0; i < LK_SIGN_SECRET; i++) snprintf(text + HEADER_BYTES + 2 * i, 3, "%02x", sec[i]);
    text[KEY_FILE_BYTES - 1] = '\n';
    char *path = key_path(dir, name), *fresh = lk_strfmt("%s/keys/%s.new-%s", dir, name, id);
    lk_status s = path && fresh ? LK_OK : consent_no_memory(err);
    if (s == LK_OK) s = lk_file_write_mode(fresh, text, KEY_FILE_BYTES, 0600, err);
    if (s == LK_OK) s = lk_file_sync_new(fresh, path, err);
    if (s != LK_OK) {
        lk_wipe(sec, LK_SIGN_SECRET);
        if (fresh) unlink(fresh);
    }
    lk_wipe(text, sizeof text);
    lk_free(fresh);
    lk_free(path);
    return s == LK_E_STATE ? keys_load(dir, name, pub, sec, err) : s;
}

void keys_remove(const char *dir, const char *name)
{
    char *path = key_path(dir, name);
    if (path) unlink(path);
    lk_free(path);
}

/* --- the tip of the audit log -------------------------------------------------------- */

#define TIP_HEADER "likeness audit tip 1 "

lk_status keys_tip_load(const char *dir, int64_t *rows, lk_hash *hash, lk_error *err)
{
    void *text = NULL;
    size_t n = 0;
    *rows = 0;
    char *path = key_path(dir, "audit.tip");
    if (!path) return consent_no_memory(err);
    lk_status s = lk_path_exists(path) ? lk_file_read(path, 256, &text, &n, err) : LK_END;
    if (s == LK_OK) {
        const char *p = text;
        char *end = NULL;
        bool good =
            n > sizeof TIP_HEADER && memcmp(p, TIP_HEADER, sizeof TIP_HEADER - 1) == 0 && p[n - 1] == '\n';
        if (good) {
            ((char *)text)[n - 1] = '\0';
            *rows = strtoll(p + sizeof TIP_HEADER - 1, &end, 10);
            good = *rows > 0 && *end == ' ' && lk_hash_from_hex(end + 1, hash);
        }
        if (!good) s = LK_FAIL(err, LK_E_FORMAT, "%s is damaged; restore it from a copy", path);
    }
    lk_free(text);
    lk_free(path);
    return s == LK_END ? LK_OK : s;
}

lk_status keys_tip_save(const char *dir, int64_t rows, const lk_hash *hash, lk_error *err)
{
    char hex[LK_HASH_HEX], text[128];
    lk_hash_hex(hash, hex);
    int n = snprintf(text, sizeof text, TIP_HEADER "%lld %s\n", (long long)rows, hex);
    char *path = key_path(dir, "audit.tip");
    lk_status s = path ? lk_file_write_mode(path, text, (size_t)n, 0600, err) : consent_no_memory(err);
    lk_free(path);
    return s;
}
