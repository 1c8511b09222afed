"""Exit code 42 says that the data is bad: a program that is run again would find the same."""

import re

from airflow.sdk import Context, RetryDecision, RetryPolicy

BAD_DATA = 42
# as SparkSubmitHook and BashOperator end; what the program itself said may follow, so the first one counts
EXIT_CODE = re.compile(r"(?:Error code is: |returned a non-zero exit code )(\d+)\.")


class RetryUnlessBadData(RetryPolicy):
    """Fail at once on bad data; anything else is tried again, as often and as late as the task says."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,  # ruff: ignore[unused-method-argument] - the exception says it all
    ) -> RetryDecision:
        code = EXIT_CODE.search(str(exception))
        if code is None or int(code[1]) != BAD_DATA:
            return RetryDecision.default()
        return RetryDecision.fail(
            f"the data is bad; found exit code {BAD_DATA} on try {try_number} of {max_tries + 1}, which is not "
            "retried; remedy: read what the program said above, correct the data, clear the task"
        )
