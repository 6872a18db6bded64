"""Migrates one database and ends: a process of its own, so that the migration tools burden no server."""

import json
import os
import sys

from nexusone.apps.catalog import schema_parts
from nexusone.platform.schema import migrate
from nexusone.platform.schema_state import Login

if __name__ == "__main__":
    name, password = json.loads(os.environ["NEXUSONE_MIGRATE_LOGIN"])
    has_changed = migrate(os.environ["NEXUSONE_MIGRATE_ADMIN_URL"], login=Login(name, password), parts=schema_parts())
    sys.stdout.write("migrated\n" if has_changed else "nothing to do\n")
