/* keys_pass.c: the passphrase of an identity: the user's, or a random one that is
 * kept apart from the keys it opens.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mark/keys_impl.h"

#define HEADER "likeness signing key 1\n"

static const char *const kinds[] = {"own", "random", "beside"};

void pass_note_write(const pass_note *note, lk_text *out)
{
    lk_text_add(out, HEADER "passphrase: %s %s\n", kinds[note->kind], note->id);
}

bool pass_note_read(const char *text, pass_note *out)
{
    char kind[8] = "";
    *out = (pass_note){PASS_OWN, ""};
    if (strncmp(text, HEADER, sizeof HEADER - 1)) return false;
    const char *line = text + sizeof HEADER - 1;
    int n = sscanf(line, "passphrase: %7[a-z] %32[0-9a-f]\n", kind, out->id);
    for (size_t i = 0; i < LK_COUNT(kinds); i++)
        if (n >= 1 && !strcmp(kind, kinds[i])) {
            out->kind = (pass_kind)i;
            return out->kind != PASS_RANDOM || strlen(out->id) == 32;
        }
    return false;
}

lk_status lk_keys_config(const char *name, char out[1024], lk_error *err)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    bool xdg = base && *base == '/';
    int n = xdg ? snprintf(out, 1024, "%s/likeness/%s", base, name)
                : snprintf(out, 1024, "%s/.config/likeness/%s", home ? home : "", name);
    if (n < 0 || n >= 1024 || (!xdg && (!home || *home != '/')))
        return LK_FAIL(
            err, LK_E_ARG,
            "there is no place for your configuration; set HOME or XDG_CONFIG_HOME to a whole path");
    return LK_OK;
}

lk_status pass_path(const char *dir, const pass_note *note, char out[1024], lk_error *err)
{
    char name[64];
    if (note->kind == PASS_BESIDE) {
        if (snprintf(out, 1024, "%s/passphrase", dir) >= 1024)
            return LK_FAIL(err, LK_E_RANGE, "the path %s is too long", dir);
        return LK_OK;
    }
    snprintf(name, sizeof name, "passphrases/%s", note->id);
    return lk_keys_config(name, out, err);
}

lk_status pass_read(const char *path, char out[LK_KEYS_PASSPHRASE_MAX], lk_error *err)
{
    struct stat st;
    void *data = NULL;
    size_t n = 0;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077))
        return LK_FAIL(err, LK_E_ARG, "others may read the passphrase in %s; run: chmod 600 '%s'", path,
                       path);
    LK_TRY(lk_file_read(path, 65536, &data, &n, err));
    size_t len = strcspn(data, "\r\n");
    lk_status s = LK_OK;
    if (len == 0 || len >= LK_KEYS_PASSPHRASE_MAX || memchr(data, 0, LK_MIN(n, len)))
        s = LK_FAIL(err, LK_E_FORMAT, "the first line of %s is no passphrase: it has 1 to %d bytes", path,
                    LK_KEYS_PASSPHRASE_MAX - 1);
    else {
        memcpy(out, data, len);
        out[len] = '\0';
    }
    lk_wipe(data, n);
    lk_free(data);
    return s;
}

static const char *from_environment(void)
{
    const char *file = getenv("LIKENESS_PASSPHRASE_FILE");
    return file && *file ? file : NULL;
}

lk_status pass_find(const char *dir, const pass_note *note, const lk_keys_pass *from,
                    char out[LK_KEYS_PASSPHRASE_MAX], lk_error *err)
{
    char path[1024] = "";
    if (from && from->file) return pass_read(from->file, out, err);
    if (note->kind != PASS_OWN) {
        LK_TRY(pass_path(dir, note, path, err));
        if (lk_path_exists(path)) return pass_read(path, out, err);
    }
    if (from_environment()) return pass_read(from_environment(), out, err);
    char what[1100];
    snprintf(what, sizeof what, "passphrase of the signing key in %s", dir);
    if (from && from->ask && from->ask(from->ask_user, what, false, out)) return LK_OK;
    if (note->kind != PASS_OWN)
        return LK_FAIL(
            err, LK_E_MARK,
            "the passphrase of the signing key in %s is missing: restore %s from a copy, or make a new "
            "identity: likeness keys make --replace",
            dir, path);
    return LK_FAIL(
        err, LK_E_MARK,
        "the signing key in %s needs its passphrase; name a file that holds it in LIKENESS_PASSPHRASE_FILE",
        dir);
}

static lk_status write_random(const char *dir, bool demo, pass_note *note, char out[LK_KEYS_PASSPHRASE_MAX],
                              lk_error *err)
{
    uint8_t bytes[48];
    char path[1024], folder[1024];
    LK_TRY(lk_random_bytes(bytes, sizeof bytes, err));
    for (int i = 0; i < 16; i++) snprintf(note->id + 2 * i, 3, "%02x", bytes[i]);
    for (int i = 0; i < 32; i++) snprintf(out + 2 * i, 3, "%02x", bytes[16 + i]);
    lk_wipe(bytes, sizeof bytes);
    out[64] = '\n';
    note->kind = PASS_RANDOM;
    lk_status s = lk_keys_config("passphrases", folder, err);
    if (s == LK_OK) s = lk_dir_make(folder, err);
    if (s == LK_OK && chmod(folder, 0700) != 0)
        s = LK_FAIL(err, LK_E_IO, "the rights of %s cannot be set (%s); check whose it is", folder,
                    strerror(errno));
    if (s == LK_OK) s = pass_path(dir, note, path, err);
    if (s == LK_OK) s = lk_file_write_mode(path, out, 65, 0600, err);
    if (s != LK_OK && s != LK_E_NOMEM && demo) {
        /* No home: a demo signs nothing of worth, so it may keep its passphrase with it. */
        *note = (pass_note){PASS_BESIDE, ""};
        s = pass_path(dir, note, path, err);
        if (s == LK_OK) s = lk_file_write_mode(path, out, 65, 0600, err);
    }
    out[64] = '\0';
    return s;
}

lk_status pass_new(const char *dir, const lk_keys_pass *from, bool demo, pass_note *note,
                   char out[LK_KEYS_PASSPHRASE_MAX], lk_error *err)
{
    *note = (pass_note){PASS_OWN, ""};
    if (!demo && from && from->file) return pass_read(from->file, out, err);
    if (!demo && from_environment()) return pass_read(from_environment(), out, err);
    if (!demo && from && from->ask && from->ask_new) {
        if (from->ask(from->ask_user, "new passphrase of the signing key", true, out) && *out) return LK_OK;
        return LK_FAIL(err, LK_E_ARG,
                       "no passphrase was given; name a file that holds it with --passphrase-file");
    }
    return write_random(dir, demo, note, out, err);
}
