/* SPDX-License-Identifier: Apache-2.0 */
/* `config check`, `config print`, `config explain`: the configuration as this command line, the
 * environment and the files make it. */
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "base/buf.h"

enum { TEXT_BYTES_MAX = 1 << 20 };

int config_check_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;

    if (!settings_load(invocation, &config))
        return EXIT_CONFIGURATION;
    return program_print(STR("ok\n")) ? EXIT_OK : EXIT_FAILED;
}

int config_print_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(TEXT_BYTES_MAX);

    if (!settings_load(invocation, &config))
        return EXIT_CONFIGURATION;
    config_print(config, &text);
    return program_print(buf_str(&text)) ? EXIT_OK : EXIT_FAILED;
}

int config_explain_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(TEXT_BYTES_MAX);

    (void)invocation;
    config_explain(&daybookd_settings, &text);
    return program_print(buf_str(&text)) ? EXIT_OK : EXIT_FAILED;
}
