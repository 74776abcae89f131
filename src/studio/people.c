/* people.c: subjects and consent records, in lines for a person to read. */
#include "studio/studio.h"

#include <stdio.h>
#include <string.h>

lk_status lk_people_add(lk_project *p, const char *name, bool depicts_nobody, char id[37], lk_error *err)
{
    lk_subject s;
    LK_TRY(lk_subject_add(p->registry, name, depicts_nobody, &s, err));
    if (id) memcpy(id, s.id, sizeof s.id);
    return LK_OK;
}

typedef struct lines { lk_project *p; lk_line_fn out; void *user; int count; lk_error *err; } lines;

static lk_status subject_line(void *user, const lk_subject *s)
{
    lines *l = user;
    char when[32], line[320];
    lk_time_iso(s->created, when);
    snprintf(line, sizeof line, "%s  %.10s  %s%s", s->id, when, s->name, s->depicts_nobody ? "  (depicts nobody)" : "");
    l->out(l->user, line);
    l->count++;
    return LK_OK;
}

lk_status lk_people_list(lk_project *p, lk_line_fn out, void *user, lk_error *err)
{
    lines l = {p, out, user, 0, err};
    LK_TRY(lk_subject_each(p->registry, subject_line, &l, err));
    if (!l.count) out(user, "nobody yet; add a person with: likeness subject add NAME");
    return LK_OK;
}

lk_status lk_people_consent(lk_project *p, const char *name, const char *uses, int days, const char *statement,
                            char record_id[37], lk_error *err)
{
    lk_consent_record record;
    uint32_t set = lk_use_parse(uses, err);
    if (!set) return LK_E_ARG;
    if (days < 1 || days > 3650) return LK_FAIL(err, LK_E_RANGE, "a consent lasts 1 to 3650 days, not %d", days);
    LK_TRY(lk_consent_issue(p->registry, name, set, (int64_t)days * 86400, lk_path_base(p->dir), statement, &record, err));
    if (record_id) memcpy(record_id, record.id, sizeof record.id);
    return LK_OK;
}

static lk_status consent_line(void *user, const lk_consent_record *c, const char *state)
{
    lines *l = user;
    char uses[128], until[32], line[1024];
    lk_subject who;
    lk_use_print(c->uses, uses, sizeof uses);
    lk_time_iso(c->until, until);
    if (lk_subject_find(l->p->registry, c->subject, &who, l->err)) snprintf(who.name, sizeof who.name, "%s", c->subject);
    snprintf(line, sizeof line, "%s  %-8s  until %.10s  %s: %s  \"%s\"", c->id, state, until, who.name, uses, c->statement);
    l->out(l->user, line);
    l->count++;
    return LK_OK;
}

lk_status lk_people_consents(lk_project *p, const char *name_or_null, lk_line_fn out, void *user, lk_error *err)
{
    lines l = {p, out, user, 0, err};
    lk_subject who;
    if (name_or_null) LK_TRY(lk_subject_find(p->registry, name_or_null, &who, err));
    LK_TRY(lk_consent_each(p->registry, name_or_null ? who.id : NULL, consent_line, &l, err));
    if (!l.count) out(user, "no consent records; sign one with: likeness consent grant NAME --statement \"...\"");
    return LK_OK;
}

lk_status lk_people_revoke(lk_project *p, const char *record_id, const char *reason, lk_error *err)
{
    return lk_consent_revoke(p->registry, record_id, reason, err);
}

lk_status lk_people_audit(lk_project *p, int64_t *rows, lk_error *err) { return lk_audit_verify(p->registry, rows, err); }
