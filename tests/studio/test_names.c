/* test_names.c: names of people and models as file names, and the project's paths. */
#include "check.h"
#include "studio/studio.h"
#include "tempdir.h"

static void plain_names_stay(void)
{
    static const char *const names[] = {"ada", "Ada-2", "a_b.c", "actor-a-on-actor-b", "0"};
    for (int i = 0; i < (int)LK_COUNT(names); i++) {
        char out[160];
        lk_project_file_name(names[i], out);
        CHECK_STR(out, names[i]);
    }
}

static void odd_names_are_safe_and_distinct(void)
{
    static const char *const names[] = {"", ".", "..", ".hidden", "../../etc/passwd", "a/b", "a b", "a_b c", "a\tb", "a\nb", "ä", "Zoë", "Zoé",
                                        "a\\b", "a:b", "a*b", "$(reboot)", "'", "\"", "-rf /"};
    enum { N = LK_COUNT(names) };
    char out[N][160];
    for (int i = 0; i < N; i++) {
        lk_project_file_name(names[i], out[i]);
        CHECK(out[i][0] && out[i][0] != '.', "\"%s\" became \"%s\"", names[i], out[i]);
        for (const char *c = out[i]; *c; c++)
            CHECK((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || strchr("-_.", *c),
                  "\"%s\" became \"%s\"", names[i], out[i]);
        for (int j = 0; j < i; j++) CHECK(strcmp(out[i], out[j]), "\"%s\" and \"%s\" are both %s", names[i], names[j], out[i]);
        char again[160];
        lk_project_file_name(names[i], again);
        CHECK_STR(again, out[i]);
    }
}

static void long_names_are_cut_and_distinct(void)
{
    char one[600], two[600], a[160], b[160];
    memset(one, 'x', sizeof one);
    one[sizeof one - 1] = 0;
    memcpy(two, one, sizeof two);
    two[sizeof two - 2] = 'y';
    lk_project_file_name(one, a);
    lk_project_file_name(two, b);
    CHECK(strlen(a) < 160 && strcmp(a, b), "%s", a);
    one[128] = 0; /* the longest that is not cut */
    lk_project_file_name(one, a);
    CHECK_STR(a, one);
}

static void paths_lie_in_the_project(void)
{
    static const char *const names[] = {"../../x", "/etc/x", "a/../../b"};
    lk_error err = {0};
    lk_project *p = NULL;
    CHECK_STATUS(lk_project_open(in_tempdir("none"), false, &p, &err), LK_E_NOTFOUND, &err);
    CHECK(!p && strstr(err.message, "subject add"), "%s", err.message);
    CHECK_STATUS(lk_project_open("", true, &p, &err), LK_E_ARG, &err);
    CHECK_OK(lk_project_open(in_tempdir("p"), true, &p, &err), &err);
    if (!p) return;
    for (int i = 0; i < (int)LK_COUNT(names); i++) {
        char path[1024], folder[400];
        CHECK_OK(lk_project_path(p, "models", names[i], ".likeness", path, &err), &err);
        snprintf(folder, sizeof folder, "%s/models/", in_tempdir("p"));
        CHECK(!strncmp(path, folder, strlen(folder)), "%s", path);
        CHECK(!strchr(path + strlen(folder), '/'), "%s", path);
        CHECK_OK(lk_project_dataset(p, names[i], "source", path, &err), &err);
        CHECK(strstr(path, ".source.likeness"), "%s", path);
    }
    char path[1024];
    CHECK_STATUS(lk_project_model(p, "none", path, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "train swap"), "%s", err.message);
    lk_project_close(&p);
    CHECK(!p, "closed projects are NULL");
    lk_project_close(&p);
    lk_project_close(NULL);
}

static void roles_are_uses(void)
{
    lk_error err = {0};
    CHECK_INT(lk_role_use("source", &err), LK_USE_FACE_SOURCE);
    CHECK_INT(lk_role_use("target", &err), LK_USE_FACE_TARGET);
    CHECK_INT(lk_role_use("Source", &err), 0);
    CHECK_INT(err.code, LK_E_ARG);
    CHECK_INT(lk_role_use(NULL, &err), 0);
}

static const check_test tests[] = {
    {"plain_names_stay", plain_names_stay},
    {"odd_names_are_safe_and_distinct", odd_names_are_safe_and_distinct},
    {"long_names_are_cut_and_distinct", long_names_are_cut_and_distinct},
    {"paths_lie_in_the_project", paths_lie_in_the_project},
    {"roles_are_uses", roles_are_uses},
};

int main(int argc, char **argv)
{
    tempdir_make("studio");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
