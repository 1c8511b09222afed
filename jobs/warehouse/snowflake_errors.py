"""What Snowflake's connector raises, as what, found and remedy."""

import re

from snowflake.connector.errors import Error

from jobs.warehouse.engine import HeadMovedError, SessionEndedError, WarehouseError

NUMBER = re.compile(r"(\d{6}):? ")
SESSION_ENDED = {390111, 390112, 390114, 390195}
LOCKED = {625}
REMEDIES = {
    604: "it took too long and was cancelled: load again, or give the load a larger warehouse",
    390144: "the key is not the user's: conf/snowflake_setup.sql says how an admin sets RSA_PUBLIC_KEY",
    390100: "SNOWFLAKE_USER is not known there, or not by this key",
    390189: "grant SNOWFLAKE_ROLE to the user again: conf/snowflake_setup.sql",
    3001: "the role may not do this: conf/snowflake_setup.sql says what it needs",
    2003: "it is not there, or the role may not see it: conf/snowflake_setup.sql",
    290503: "Snowflake is not available: load again later",
    290429: "Snowflake is asked too often: load again later",
    250001: "look at the network, the proxy, and SNOWFLAKE_ACCOUNT",
}
OTHERWISE = "load again: nothing was committed, or all of it was, and the next load sees which"


def translate(error: Error, address: str) -> WarehouseError:
    """Ours for one of the connector's."""
    message = " ".join(str(error.msg or error).split())[:400]
    # an error of HTTP has its number in its words alone
    told = NUMBER.match(message)
    number = int(told[1]) if told else int(error.errno or 0)
    if number in SESSION_ENDED:
        return SessionEndedError("the session with Snowflake has ended", found=message, remedy=OTHERWISE)
    if number in LOCKED:
        return HeadMovedError("another loader was in the way", found=message, remedy="load again")
    return WarehouseError(
        f"{address} answers an error", found=message, remedy=REMEDIES.get(number, OTHERWISE)
    )
