"""Settings with their origins, and changes in settings.toml."""

from typing import Any

from vidlocal import settings
from vidlocal.web.operations import Call


async def list_settings(call: Call) -> object:
    """List all settings with value, origin, default and allowed values."""
    rows = settings.explain({"home": call.services.load().home})
    return {
        "settings": [
            {
                "name": row.setting.name,
                "value": _plain(row.value),
                "origin": row.origin,
                "default": _plain(row.setting.default),
                "allowed": row.setting.allowed,
                "description": row.setting.description,
                "variable": row.setting.env,
                "can_change": row.setting.in_file and row.origin not in (row.setting.env, settings.OPTION),
            }
            for row in rows
        ]
    }


async def change_setting(call: Call) -> object:
    """Store a setting in settings.toml."""
    settings.write(call.services.load().home, {call["name"]: call["value"]})
    return await list_settings(call)


def _plain(value: Any) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)
