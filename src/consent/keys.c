/* keys.c: the keys folder. Secrets stay out of the database: a copy of it that
 * leaves the house signs nothing and tells nobody's name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consent/internal.h"

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

lk_status keys_load(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err)
{
    char *path = key_path(dir, name);
    lk_status s = path ? lk_keyfile_load(path, pub, sec, err) : consent_no_memory(err);
    lk_free(path);
    return s;
}

lk_status keys_make(const char *dir, const char *name, uint8_t pub[LK_SIGN_PUBLIC],
                    uint8_t sec[LK_SIGN_SECRET], lk_error *err)
{
    char *path = key_path(dir, name);
    lk_status s = path ? lk_keyfile_make(path, pub, sec, err) : consent_no_memory(err);
    if (s == LK_E_STATE) s = lk_keyfile_load(path, pub, sec, err);
    lk_free(path);
    return s;
}

void keys_remove(const char *dir, const char *name)
{
    char *path = key_path(dir, name);
    if (path) unlink(path);
    lk_free(path);
}

lk_status keys_personal(const char *dir, bool make, uint8_t pub[LK_SEAL_PUBLIC], uint8_t sec[LK_SEAL_SECRET],
                        lk_error *err)
{
    char *path = key_path(dir, "personal.key");
    lk_status s = path ? LK_OK : consent_no_memory(err);
    if (s == LK_OK && make && !lk_path_exists(path)) s = keyfile_make_seal(path, pub, sec, err);
    else if (s == LK_OK) s = LK_E_STATE;
    if (s == LK_E_STATE) s = keyfile_load_seal(path, pub, sec, err);
    lk_free(path);
    return s;
}

lk_status keys_place(const char *dir, char out[24], lk_error *err)
{
    struct stat st;
    char *path = key_path(dir, "studio.key");
    if (!path) return consent_no_memory(err);
    lk_status s = LK_OK;
    if (stat(path, &st) != 0)
        s = LK_FAIL(err, LK_E_NOTFOUND, "the key %s is missing (%s); restore it from a copy", path,
                    strerror(errno));
    else snprintf(out, 24, "%llu", (unsigned long long)st.st_ino);
    lk_free(path);
    return s;
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
