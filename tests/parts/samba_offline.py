"""Write straight into the database of a throw-away Samba domain; run by Debian's own Python.

    samba_offline.py FOLDER seed USERS GROUPS PASSWORD     best while the server is stopped
    samba_offline.py FOLDER backdate LOGIN DAYS            also while it runs
    samba_offline.py FOLDER deny LOGIN ATTRIBUTE NAME ...  to read one attribute of entries, or, if
                                                           it is "", to see them and what they hold
    samba_offline.py FOLDER allow LOGIN ATTRIBUTE NAME ... likewise
    samba_offline.py FOLDER forbid-change NAME             "User cannot change password"

People are user000000 and so on, in OU=Team00 to OU=Team09 of OU=People. Groups are group0000 and so
on in OU=Groups: the first holds everybody (at most 5000), each other up to 40 people, every tenth
also the two groups after it. The same numbers always give the same directory.
"""

import random
import sys
import time

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.credentials import Credentials
from samba.dcerpc import misc, security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

SECONDS_1601_TO_1970 = 11644473600
# By its number: Samba does not know this control by name. It lets hashes and old dates through.
BYPASS = [f"local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0"]
CHANGE_PASSWORD = "ab721a53-1e2f-11d0-9819-00aa0040529b"  # User-Change-Password
GIVEN_NAMES = ("Ada", "Björn", "Chloé", "Dana", "Émile", "Fatma", "Gül", "Hanna", "Igor", "Jana")
FAMILY_NAMES = ("Abel", "Brandt", "O'Neil", "Čapek", "Diaz", "Eriksson", "Groß", "Smith-Lee", "Ito")


def open_database(folder, options=()):
    parameters = LoadParm()
    parameters.load(folder + "/etc/smb.conf")
    url = folder + "/private/sam.ldb"
    return SamDB(url, lp=parameters, session_info=system_session(), options=list(options))


def filetime(seconds):
    return str(int((seconds + SECONDS_1601_TO_1970) * 10**7))


def nt_hash(password):
    credentials = Credentials()
    credentials.set_password(password)
    return bytes(credentials.get_nt_hash())


def person(number, base, secret):
    login = f"user{number:06d}"
    given = GIVEN_NAMES[number % len(GIVEN_NAMES)]
    family = FAMILY_NAMES[number // len(GIVEN_NAMES) % len(FAMILY_NAMES)]
    return {
        "dn": f"CN={given} {family} {number:06d},OU=Team{number % 10:02d},OU=People,{base}",
        "objectClass": "user",
        "sAMAccountName": login,
        "userPrincipalName": login + "@ad.test",
        "givenName": given,
        "sn": family,
        "displayName": f"{given} {family}",
        "mail": login + "@corp.example",
        "title": f"Engineer {number % 7}",
        "department": f"Team {number % 10:02d}",
        "company": "Example",
        "telephoneNumber": f"+49 30 {number:06d}",
        "employeeID": f"{number:08d}",
        "l": "Berlin",
        "c": "DE",
        "proxyAddresses": [f"SMTP:{login}@corp.example", f"smtp:p{number}@corp.example"],
        "userAccountControl": "512",
        "unicodePwd": secret,
        "pwdLastSet": filetime(time.time()),
    }


def seed(folder, users, groups, password):
    options = ["batch_mode:1", f"transaction_index_cache_size:{max(100000, users * 4)}"]
    database = open_database(folder, options)
    base = str(database.domain_dn())
    database.transaction_start()
    units = ["OU=People", "OU=Groups", *[f"OU=Team{number:02d},OU=People" for number in range(10)]]
    for unit in units:
        database.add({"dn": f"{unit},{base}", "objectClass": "organizationalUnit"})
    secret = nt_hash(password)
    names = []
    for number in range(users):
        entry = person(number, base, secret)
        names.append(entry["dn"])
        database.add(entry, controls=BYPASS)
    add_groups(database, groups, names, base)
    database.transaction_commit()


def add_groups(database, count, people, base):
    chance = random.Random(1)
    names = [f"CN=group{number:04d},OU=Groups,{base}" for number in range(count)]
    for number in reversed(range(count)):  # so that the groups within a group exist already
        size = min(len(people), 5000 if number == 0 else chance.randint(1, 40))
        members = chance.sample(people, size)
        if number % 10 == 0:
            members += names[number + 1 : number + 3]
        group = {
            "objectClass": "group",
            "sAMAccountName": f"group{number:04d}",
            "groupType": "-2147483646",  # global, security
            "description": f"Group {number}",
            "member": members,
        }
        message = ldb.Message(ldb.Dn(database, names[number]))
        for key, value in group.items():
            if value:
                message[key] = ldb.MessageElement(value, ldb.FLAG_MOD_ADD, key)
        database.add(message)


def backdate(folder, login, days):
    database = open_database(folder)
    found = database.search(database.domain_dn(), expression=f"(sAMAccountName={login})")
    message = ldb.Message(found[0].dn)
    moment = filetime(time.time() - days * 86400)
    message["pwdLastSet"] = ldb.MessageElement(moment, ldb.FLAG_MOD_REPLACE, "pwdLastSet")
    database.modify(message, controls=BYPASS)


def permit(folder, letter, login, attribute, *names):
    """Put an entry of a list of rights (MS-DTYP section 2.5.1.1) before all others."""
    database = open_database(folder)
    account = database.search(database.domain_dn(), expression=f"(sAMAccountName={login})")[0]
    sid = ndr_unpack(security.dom_sid, account["objectSid"][0])
    if attribute:
        schema = database.search(
            database.get_schema_basedn(), expression=f"(lDAPDisplayName={attribute})"
        )[0]
        guid = ndr_unpack(misc.GUID, schema["schemaIDGUID"][0])
        entry = f"(O{letter};;RP;{guid};;{sid})"
    else:
        entry = f"({letter};CI;RPLCLO;;;{sid})"  # read properties, list children, list the object
    for name in names:
        SDUtils(database).dacl_prepend_aces(name, entry, controls=["show_deleted:1"])


def forbid_change(folder, name):
    """Deny the right to change the password to everybody and to its owner, as the tick box does."""
    entries = "".join(f"(OD;;CR;{CHANGE_PASSWORD};;{sid})" for sid in ("WD", "PS"))
    SDUtils(open_database(folder)).dacl_prepend_aces(name, entries)


if __name__ == "__main__":
    folder, verb = sys.argv[1:3]
    if verb == "seed":
        seed(folder, int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    elif verb == "backdate":
        backdate(folder, sys.argv[3], float(sys.argv[4]))
    elif verb == "forbid-change":
        forbid_change(folder, sys.argv[3])
    else:
        permit(folder, {"deny": "D", "allow": "A"}[verb], *sys.argv[3:])
