"""What people call a browser."""

from ua_parser import parse


def browser_name(user_agent: str) -> str:
    """ "Firefox on Windows"; what ua-parser doesn't know is said plainly."""
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else "Unknown browser"
    return f"{browser} on {found.os.family}" if found.os else browser
