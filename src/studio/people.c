/* people.c: subjects, and the few calls of consent that a pipeline needs (consents.c has the rest). */
#include "studio/studio.h"

#include "likeness/consent.h"

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
    lk_people_terms t = lk_people_terms_defaults();
    t.uses = uses;
    t.days = days;
    t.statement = statement;
    if (days < 1) return LK_FAIL(err, LK_E_RANGE, "a consent lasts 1 to 3650 days, not %d", days);
    return lk_people_sign(p, name, &t, record_id, err);
}

lk_status lk_people_consents(lk_project *p, const char *name_or_null, lk_line_fn out, void *user, lk_error *err)
{
    return lk_people_records(p, name_or_null, false, out, user, err);
}

lk_status lk_people_revoke(lk_project *p, const char *record_id, const char *reason, lk_error *err)
{
    return lk_consent_revoke(p->registry, record_id, reason, err);
}

lk_status lk_people_audit(lk_project *p, int64_t *rows, lk_error *err) { return lk_audit_verify(p->registry, rows, err); }
