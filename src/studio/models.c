/* models.c: what a model file is, without loading anybody's likeness. */
#include "consent/bind.h"
#include "make/swap/swap.h"
#include "studio/studio.h"

#include <stdio.h>
#include <string.h>

static const char *name_of(lk_project *p, const char *subject_id, char out[192])
{
    lk_subject s;
    lk_error ignored;
    if (p && lk_subject_find(p->registry, subject_id, &s, &ignored) == LK_OK)
        snprintf(out, 192, "%s (%s)%s", s.name, subject_id, s.depicts_nobody ? ", depicts nobody" : "");
    else
        snprintf(out, 192, "%s (not in this project)", subject_id);
    return out;
}

static void line(lk_line_fn out, void *user, const char *what, const char *text)
{
    char buf[2300];
    snprintf(buf, sizeof buf, "%-12s %s", what, text);
    out(user, buf);
}

typedef struct key_search { const uint8_t *id; const char *state; } key_search;

static lk_status match_key(void *user, const lk_bound *b)
{
    key_search *k = user;
    if (!memcmp(b->id, k->id, LK_BIND_ID)) k->state = b->destroyed ? "destroyed when a consent ended" : "in this project";
    return LK_OK;
}

/* Whether the project still has what opens the file. */
static const char *key_state(lk_project *p, const char *path)
{
    if (!p) return "not looked for: no project";
    lk_bind_info *h = lk_alloc(sizeof *h);
    key_search k = {h ? h->key_id : NULL, "not in this project"};
    if (!h || lk_bind_info_read(path, h, NULL) != LK_OK || lk_bound_each(p->registry, NULL, match_key, &k, NULL) != LK_OK)
        k.state = "unknown";
    lk_free(h);
    return k.state;
}

static void show_json(const lk_swap_info *m, const char *path, const char *hex, lk_line_fn out, void *user)
{
    lk_text t = {0};
    lk_text_add(&t, "{\"path\":");
    lk_json_quote(&t, path);
    char weights[LK_HASH_HEX], root[LK_HASH_HEX], studio[LK_HASH_HEX], until[32];
    lk_hash_hex(&m->weights, weights);
    lk_hash_hex(&m->training_root, root);
    lk_hash_hex(&m->studio, studio);
    lk_time_iso(m->expires, until);
    lk_text_add(&t, ",\"weights_sha256\":\"%s\",\"training_root\":\"%s\",\"studio\":\"%s\",\"expires\":\"%s\"", weights, root, studio,
                until);
    lk_text_add(&t, ",\"hash\":\"%s\",\"kind\":\"face swap\",\"size\":%d,\"enc\":%d,\"ae\":%d,\"dec\":%d,\"mask\":%d,\"source_subject\":\"%s\","
                    "\"source_record\":\"%s\",\"target_subject\":\"%s\",\"target_record\":\"%s\",\"card\":%s}",
                hex, m->config.size, m->config.enc, m->config.ae, m->config.dec, m->config.mask, m->source_subject, m->source_record,
                m->target_subject, m->target_record, m->card[0] ? m->card : "null");
    if (!t.failed) out(user, t.s);
    lk_text_clear(&t);
}

lk_status lk_model_show(lk_project *p, const char *name_or_path, bool json, lk_line_fn out, void *user, lk_error *err)
{
    char path[1024], hex[LK_HASH_HEX], text[256], who[192];
    lk_swap_info m;
    LK_TRY(lk_project_model(p, name_or_path, path, err));
    LK_TRY(lk_swap_model_info(path, &m, err));
    lk_hash_hex(&m.hash, hex);
    if (json) {
        show_json(&m, path, hex, out, user);
        return LK_OK;
    }
    line(out, user, "model", path);
    line(out, user, "sha-256", hex);
    snprintf(text, sizeof text, "face swap, %d px, df-ud e%d ae%d d%d m%d", m.config.size, m.config.enc, m.config.ae, m.config.dec, m.config.mask);
    line(out, user, "kind", text);
    line(out, user, "face of", name_of(p, m.source_subject, who));
    line(out, user, "  consent", m.source_record);
    line(out, user, "put on", name_of(p, m.target_subject, who));
    line(out, user, "  consent", m.target_record);
    lk_time_iso(m.expires, text);
    line(out, user, "good until", text);
    lk_hash_hex(&m.studio, hex);
    line(out, user, "bound to", hex);
    line(out, user, "key", key_state(p, path));
    lk_hash_hex(&m.training_root, hex);
    line(out, user, "trained on", hex);
    lk_hash_hex(&m.weights, hex);
    line(out, user, "weights", hex);
    line(out, user, "card", m.card);
    return LK_OK;
}
