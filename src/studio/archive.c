/* archive.c: models out of the project and back in. What leaves is the container as it lies there, bound as before. With a
 * ticket in front of it, the key travels along, sealed to a studio that every record names:
 *
 *     "LKTICKT1" | sealed key, LK_BIND_TICKET bytes | container
 */
#include "consent/bind.h"
#include "likeness/lineage.h"
#include "make/swap/swap.h"
#include "studio/studio.h"

#include <stdio.h>
#include <string.h>

#define ARCHIVE_MAX ((size_t)4 << 30)

static const char magic[8] = {'L', 'K', 'T', 'I', 'C', 'K', 'T', '1'};

static lk_status grants_of(lk_project *p, const lk_bind_info *h, const char *what_for, lk_grant *grants[LK_BIND_PEOPLE], lk_error *err)
{
    for (int i = 0; i < h->people_count; i++)
        LK_TRY(lk_grant_get(p->registry, h->people[i].subject, h->people[i].use, what_for, &grants[i], err));
    return LK_OK;
}

static void free_grants(lk_grant *grants[LK_BIND_PEOPLE])
{
    for (int i = 0; i < LK_BIND_PEOPLE; i++) lk_grant_free(&grants[i]);
}

/* 64 hex digits, or a file that begins with them. */
static lk_status read_key(const char *to, uint8_t key[LK_SIGN_PUBLIC], lk_error *err)
{
    char hex[LK_HASH_HEX] = "";
    lk_hash h;
    void *text = NULL;
    size_t n = 0;
    if (lk_path_exists(to)) {
        LK_TRY(lk_file_read(to, 4096, &text, &n, err));
        snprintf(hex, sizeof hex, "%.*s", (int)LK_MIN(n, sizeof hex - 1), (const char *)text);
        lk_free(text);
    } else if (strlen(to) == LK_HASH_HEX - 1) {
        strcpy(hex, to);
    }
    if (!lk_hash_from_hex(hex, &h))
        return LK_FAIL(err, LK_E_ARG, "%s is no public key: give the 64 hex digits by which consent records name that studio, or a "
                       "file that begins with them", to);
    memcpy(key, h.b, LK_SIGN_PUBLIC);
    return LK_OK;
}

lk_status lk_model_export(lk_project *p, const char *name, const char *path, const char *to, lk_error *err)
{
    char model[1024];
    uint8_t key[LK_SIGN_PUBLIC];
    lk_grant *grants[LK_BIND_PEOPLE] = {NULL};
    lk_bind_key *opened = NULL;
    lk_bytes out = {0};
    void *data = NULL;
    size_t n = 0;
    lk_bind_info *h = lk_alloc(sizeof *h);
    lk_status s = h ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory to export %s", name);
    if (s == LK_OK) s = lk_project_model(p, name, model, err);
    if (s == LK_OK) s = lk_bind_info_read(model, h, err);
    if (s == LK_OK && lk_path_exists(path))
        s = LK_FAIL(err, LK_E_ARG, "%s is there already; choose another name", path);
    if (s == LK_OK && to) s = read_key(to, key, err);
    if (s == LK_OK) s = grants_of(p, h, "model export", grants, err);
    if (s == LK_OK) s = lk_bind_key_open(h, model, (const lk_grant *const *)grants, h->people_count, &opened, err);
    if (s == LK_OK && to) {
        lk_bytes_add(&out, magic, sizeof magic);
        lk_bytes_zeros(&out, LK_BIND_TICKET);
        if (!out.failed)
            s = lk_bind_ticket_make(p->registry, h, key, (const lk_grant *const *)grants, h->people_count, out.b + sizeof magic, err);
    }
    if (s == LK_OK) s = lk_file_read(model, ARCHIVE_MAX, &data, &n, err);
    if (s == LK_OK) {
        lk_bytes_add(&out, data, n);
        s = out.failed ? LK_FAIL(err, LK_E_NOMEM, "no memory to export %s", name) : lk_file_write_atomic(path, out.b, out.len, err);
    }
    lk_bind_key_free(&opened);
    free_grants(grants);
    lk_free(data);
    lk_bytes_clear(&out);
    lk_free(h);
    return s;
}

/* PATH's name without its ending. */
static void name_of(const char *path, char out[256])
{
    snprintf(out, 256, "%s", lk_path_base(path));
    char *dot = strrchr(out, '.');
    if (dot && dot != out) *dot = '\0';
}

static lk_status take_in(lk_project *p, const char *path, const uint8_t *ticket, const void *data, size_t n, const char *to,
                         lk_error *err)
{
    lk_grant *grants[LK_BIND_PEOPLE] = {NULL};
    lk_bind_key *key = NULL;
    lk_swap_info info;
    lk_bind_info *h = lk_alloc(sizeof *h);
    char *tmp = lk_strfmt("%s.import", to);
    lk_status s = h && tmp ? lk_file_write_atomic(tmp, data, n, err) : LK_FAIL(err, LK_E_NOMEM, "no memory to import %s", path);
    if (s == LK_OK) s = lk_swap_model_info(tmp, &info, err);
    if (s == LK_OK) s = lk_bind_info_read(tmp, h, err);
    if (s == LK_OK) s = grants_of(p, h, "model import", grants, err);
    if (s == LK_OK && ticket)
        s = lk_bind_ticket_take(p->registry, h, to, ticket, (const lk_grant *const *)grants, h->people_count, err);
    if (s == LK_OK) s = lk_bind_key_open(h, path, (const lk_grant *const *)grants, h->people_count, &key, err);
    if (s == LK_OK) {
        lk_asset a = {.hash = info.hash, .kind = "model", .created = lk_wall_time()};
        lk_path_absolute(to, a.path, sizeof a.path);
        snprintf(a.note, sizeof a.note, "imported");
        s = lk_lineage_add(p->registry, &a, h->parents, h->parent_count, (const lk_grant *const *)grants, h->people_count, err);
    }
    if (s == LK_OK) s = lk_file_sync_rename(tmp, to, err);
    if (s != LK_OK && tmp) remove(tmp);
    lk_bind_key_free(&key);
    free_grants(grants);
    lk_free(tmp);
    lk_free(h);
    return s;
}

lk_status lk_model_import(lk_project *p, const char *path, const char *name, char model_path[1024], lk_error *err)
{
    char own[256];
    void *data;
    size_t n;
    if (!name) name_of(path, own);
    LK_TRY(lk_project_path(p, "models", name ? name : own, LK_BOUND_ENDING, model_path, err));
    if (lk_path_exists(model_path))
        return LK_FAIL(err, LK_E_ARG, "there is a model %s already; give another name", model_path);
    LK_TRY(lk_file_read(path, ARCHIVE_MAX, &data, &n, err));
    const uint8_t *bytes = data;
    const size_t before = sizeof magic + LK_BIND_TICKET;
    bool ticket = n > before && !memcmp(bytes, magic, sizeof magic);
    lk_status s = ticket ? take_in(p, path, bytes + sizeof magic, bytes + before, n - before, model_path, err)
                         : take_in(p, path, NULL, data, n, model_path, err);
    lk_free(data);
    return s;
}
