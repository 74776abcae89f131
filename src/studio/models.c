/* models.c: what a model file is, without loading anybody's likeness. */
#include "make/swap/swap.h"
#include "studio/studio.h"

#include <stdio.h>

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

static void show_json(const lk_swap_info *m, const char *path, const char *hex, lk_line_fn out, void *user)
{
    lk_text t = {0};
    lk_text_add(&t, "{\"path\":");
    lk_json_quote(&t, path);
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
    line(out, user, "card", m.card);
    return LK_OK;
}
