/* personal.c: who the person is. The block lies sealed beside the record; erasing it leaves the record whole,
 * because the record knows but its hash, and nobody can search for a hash that begins with 32 random bytes.
 */
#include <stdio.h>
#include <string.h>

#include "consent/internal.h"

enum { GUARDIANS = LK_COUNT(((lk_personal *)0)->guardians) };

static bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* Days from 1970-01-01 to the date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_of(int y, int m, int d)
{
    y -= m <= 2;
    int era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return (int64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

lk_status personal_birthday(const char *date, int years, int64_t *when, lk_error *err)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y = 0, m = 0, d = 0, end = 0;
    bool good = strlen(date) == 10 && sscanf(date, "%4d-%2d-%2d%n", &y, &m, &d, &end) == 3 && end == 10 &&
                strspn(date, "0123456789-") == 10 && y >= 1800 && m >= 1 && m <= 12 && d >= 1 &&
                d <= days[m - 1] + (m == 2 && leap(y));
    if (!good) return LK_FAIL(err, LK_E_ARG, "'%.20s' is no date of birth; write it as YYYY-MM-DD", date);
    y += years;
    if (m == 2 && d == 29 && !leap(y)) {
        m = 3; /* born on a leap day: a year is over on the first of March, never a day too early */
        d = 1;
    }
    *when = days_of(y, m, d) * 86400;
    return LK_OK;
}

static lk_status check_optional(const char *what, const char *s, size_t cap, lk_error *err)
{
    return *s ? check_words(what, s, cap, false, err) : LK_OK;
}

lk_status lk_personal_encode(const lk_personal *p, lk_bytes *out, lk_error *err)
{
    int64_t ignored;
    int guardians = 0;
    LK_TRY(check_optional("legal name", p->legal_name, sizeof p->legal_name, err));
    LK_TRY(check_optional("contact", p->contact, sizeof p->contact, err));
    LK_TRY(check_optional("name of who acts for the estate", p->estate, sizeof p->estate, err));
    if (*p->birth_date) LK_TRY(personal_birthday(p->birth_date, 0, &ignored, err));
    for (int i = 0; i < GUARDIANS && *p->guardians[i]; i++, guardians++)
        LK_TRY(check_optional("guardian's name", p->guardians[i], sizeof p->guardians[i], err));
    lk_cbor_map(out, 7);
    lk_cbor_text(out, "salt");
    lk_cbor_bytes(out, p->salt, sizeof p->salt);
    lk_cbor_text(out, "estate");
    lk_cbor_text(out, p->estate);
    lk_cbor_text(out, "schema");
    lk_cbor_text(out, "likeness-personal-1");
    lk_cbor_text(out, "contact");
    lk_cbor_text(out, p->contact);
    lk_cbor_text(out, "guardians");
    lk_cbor_array(out, (uint64_t)guardians);
    for (int i = 0; i < guardians; i++) lk_cbor_text(out, p->guardians[i]);
    lk_cbor_text(out, "birth_date");
    lk_cbor_text(out, p->birth_date);
    lk_cbor_text(out, "legal_name");
    lk_cbor_text(out, p->legal_name);
    return out->failed ? consent_no_memory(err) : LK_OK;
}

static bool copy_text(const lk_cbor *v, char *out, size_t cap)
{
    if (!v || v->kind != LK_CBOR_TEXT || v->number >= cap || memchr(v->data, 0, v->number)) return false;
    memcpy(out, v->data, v->number);
    return true;
}

static bool read_block(const lk_cbor *map, lk_personal *p)
{
    const lk_cbor *salt = lk_cbor_get(map, "salt"), *list = lk_cbor_get(map, "guardians");
    int n = 0;
    if (!salt || salt->kind != LK_CBOR_BYTES || salt->number != sizeof p->salt) return false;
    memcpy(p->salt, salt->data, sizeof p->salt);
    if (!list || list->kind != LK_CBOR_ARRAY || list->number > GUARDIANS) return false;
    for (const lk_cbor *e = list->child; e; e = e->next)
        if (!copy_text(e, p->guardians[n++], sizeof p->guardians[0])) return false;
    return copy_text(lk_cbor_get(map, "legal_name"), p->legal_name, sizeof p->legal_name) &&
           copy_text(lk_cbor_get(map, "contact"), p->contact, sizeof p->contact) &&
           copy_text(lk_cbor_get(map, "birth_date"), p->birth_date, sizeof p->birth_date) &&
           copy_text(lk_cbor_get(map, "estate"), p->estate, sizeof p->estate);
}

lk_status lk_personal_decode(const void *data, size_t n, lk_personal *out, lk_error *err)
{
    lk_arena *arena = NULL;
    lk_cbor *map = NULL;
    lk_bytes again = {0};
    lk_error why;
    memset(out, 0, sizeof *out);
    if (n > CONSENT_RECORD_MAX)
        return LK_FAIL(err, LK_E_FORMAT, "a personal block of %zu bytes is longer than any", n);
    if (lk_arena_new(&arena, 4096) != LK_OK) return consent_no_memory(err);
    lk_status s = lk_cbor_parse(data, n, LK_CBOR_STRICT, arena, &map, &why);
    bool good = s == LK_OK && read_block(map, out);
    if (good) {
        s = lk_personal_encode(out, &again, &why);
        good = s == LK_OK && again.len == n && !memcmp(again.b, data, n);
    }
    if (again.b) lk_wipe(again.b, again.len);
    lk_bytes_clear(&again);
    lk_arena_free(arena);
    if (good) return LK_OK;
    lk_wipe(out, sizeof *out);
    return s == LK_E_NOMEM ? consent_no_memory(err)
                           : LK_FAIL(err, LK_E_FORMAT, "a personal block is not in its canonical form");
}
