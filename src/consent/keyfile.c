/* keyfile.c: one secret, one file, readable by its owner alone: a line that says what it is, a line of hex.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consent/internal.h"

#define SIGN_HEADER "likeness ed25519 secret key 1\n"
#define SEAL_HEADER "likeness x25519 secret key 1\n"
enum { HEADER_MOST = 32, SECRET_MOST = 64, TEXT_MOST = HEADER_MOST + 2 * SECRET_MOST + 2 };
_Static_assert(sizeof SIGN_HEADER <= HEADER_MOST && LK_SIGN_SECRET <= SECRET_MOST, "fits");

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse(const char *text, size_t len, const char *header, uint8_t *secret, size_t n)
{
    size_t h = strlen(header);
    if (len != h + 2 * n + 1 || memcmp(text, header, h) != 0) return false;
    for (size_t i = 0; i < n; i++) {
        int hi = hex_digit(text[h + 2 * i]), lo = hex_digit(text[h + 2 * i + 1]);
        if (hi < 0 || lo < 0) return false;
        secret[i] = (uint8_t)(hi << 4 | lo);
    }
    return text[len - 1] == '\n';
}

static lk_status load(const char *path, const char *header, uint8_t *secret, size_t n, lk_error *err)
{
    void *text = NULL;
    size_t len = 0;
    struct stat st;
    if (stat(path, &st) != 0)
        return LK_FAIL(err, LK_E_NOTFOUND,
                       "the key %s is missing (%s); restore it from a copy, no other key fits", path,
                       strerror(errno));
    if (st.st_mode & 077)
        return LK_FAIL(err, LK_E_CONSENT, "others may read the key %s; if nobody did, run: chmod 600 '%s'",
                       path, path);
    lk_status s = lk_file_read(path, TEXT_MOST, &text, &len, err);
    if (s == LK_E_RANGE || (s == LK_OK && !parse(text, len, header, secret, n))) {
        lk_wipe(secret, n);
        s = LK_FAIL(err, LK_E_FORMAT, "the key %s is damaged, or no key; restore it from a copy", path);
    }
    if (text) lk_wipe(text, len);
    lk_free(text);
    return s;
}

/* LK_E_STATE when there is a file already: a key is never replaced. */
static lk_status store(const char *path, const char *header, const uint8_t *secret, size_t n, lk_error *err)
{
    char text[TEXT_MOST], id[37];
    size_t h = strlen(header);
    LK_TRY(new_id(id, err));
    memcpy(text, header, h);
    for (size_t i = 0; i < n; i++) snprintf(text + h + 2 * i, 3, "%02x", secret[i]);
    text[h + 2 * n] = '\n';
    char *fresh = lk_strfmt("%s.new-%s", path, id);
    lk_status s = fresh ? lk_file_write_mode(fresh, text, h + 2 * n + 1, 0600, err) : consent_no_memory(err);
    if (s == LK_OK) s = lk_file_sync_new(fresh, path, err);
    if (s != LK_OK && fresh) unlink(fresh);
    lk_wipe(text, sizeof text);
    lk_free(fresh);
    return s;
}

lk_status lk_keyfile_load(const char *path, uint8_t pub[LK_SIGN_PUBLIC], uint8_t sec[LK_SIGN_SECRET],
                          lk_error *err)
{
    static const char probe[] = "likeness key probe";
    uint8_t sig[LK_SIGN_BYTES];
    LK_TRY(load(path, SIGN_HEADER, sec, LK_SIGN_SECRET, err));
    /* The second half of a secret is its public key; what signs and verifies is whole. */
    memcpy(pub, sec + LK_SIGN_SECRET - LK_SIGN_PUBLIC, LK_SIGN_PUBLIC);
    lk_status s = lk_sign_make(sec, probe, sizeof probe, sig, err);
    if (s == LK_OK && !lk_sign_check(pub, probe, sizeof probe, sig))
        s = LK_FAIL(err, LK_E_FORMAT, "the key %s is damaged; restore it from a copy", path);
    if (s != LK_OK) lk_wipe(sec, LK_SIGN_SECRET);
    return s;
}

lk_status lk_keyfile_make(const char *path, uint8_t pub[LK_SIGN_PUBLIC], uint8_t sec[LK_SIGN_SECRET],
                          lk_error *err)
{
    LK_TRY(lk_sign_keypair(pub, sec, err));
    lk_status s = store(path, SIGN_HEADER, sec, LK_SIGN_SECRET, err);
    if (s != LK_OK) lk_wipe(sec, LK_SIGN_SECRET);
    return s;
}

lk_status keyfile_load_seal(const char *path, uint8_t pub[LK_SEAL_PUBLIC], uint8_t sec[LK_SEAL_SECRET],
                            lk_error *err)
{
    LK_TRY(load(path, SEAL_HEADER, sec, LK_SEAL_SECRET, err));
    lk_seal_public(sec, pub);
    return LK_OK;
}

lk_status keyfile_make_seal(const char *path, uint8_t pub[LK_SEAL_PUBLIC], uint8_t sec[LK_SEAL_SECRET],
                            lk_error *err)
{
    LK_TRY(lk_seal_keypair(pub, sec, err));
    lk_status s = store(path, SEAL_HEADER, sec, LK_SEAL_SECRET, err);
    if (s != LK_OK) lk_wipe(sec, LK_SEAL_SECRET);
    return s;
}
