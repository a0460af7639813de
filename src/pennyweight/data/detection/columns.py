"""Hints from the name of a column about its values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["NOWHERE", "ColumnName", "column_of"]

# Kind -> names of columns, in lower case with _ between words; a column may have more words.
_NAMES: Mapping[str, str] = {
    "phone number": "phone telephone tel mobile cell cellphone handy fax whatsapp msisdn telefon "
    "telefono telefone telephone_number phonenumber mobile_phone celular movil mobil mobilnummer "
    "telefonnummer rufnummer telefoonnummer portable phone_no contact_no contact_number",
    "e-mail address": "email e_mail mail emailaddress correo courriel",
    "person's name": "first_name firstname fname given_name givenname forename last_name lastname "
    "lname surname family_name familyname full_name fullname middle_name maiden_name vorname "
    "nachname familienname prenom nom_de_famille apellido apellidos cognome sobrenome achternaam "
    "voornaam customer_name client_name contact_name contact_person buyer_name recipient "
    "recipient_name patient_name employee_name person_name guest_name passenger_name "
    "cardholder cardholder_name account_holder owner_name consignee",
    "date of birth": "dob d_o_b birthdate birth_date date_of_birth dateofbirth birthday birth_day "
    "geburtsdatum geburtstag date_naissance date_de_naissance fecha_nacimiento "
    "fecha_de_nacimiento data_nascita data_di_nascita data_nascimento geboortedatum fodselsdato",
    "national id": "ssn social_security social_security_number nin nino national_id nationalid "
    "national_insurance passport passport_no passport_number personal_id personnummer bsn pesel "
    "cpf curp dni codice_fiscale steuer_id steuerid aadhaar aadhar drivers_license driving_licence "
    "drivers_licence driving_license tax_id taxpayer_id id_card identity_card personalausweis nir",
    "postal address": "address street street_address address_line address_line1 address_line2 "
    "address1 address2 addr home_address shipping_address billing_address delivery_address "
    "strasse straße anschrift adresse direccion dirección indirizzo endereco endereço adres",
    "card number": "card card_number "
    "cardnumber card_no cc_number ccnumber cc_num ccnum credit_card "
    "creditcard credit_card_number debit_card kartennummer pan_number",
    "bank account": "iban bank_account bankaccount account_number account_no kontonummer "
    "bank_account_number acct_no",
    "IP address": "ip ip_address ipaddress ip_addr ipaddr client_ip remote_addr user_ip last_ip",
}
# The words win over those above: phone_model holds models.
_OTHER = frozenset(
    "model type brand color colour case os size year count price version count price url mac web "
    "website memory storage ram plan carrier network compatible compatibility accessory category "
    "rating page logo image verified flag enabled optin preference subject template status "
    "game book label sign plaque style wear fashion food art company business "
    "manufacturer vendor publisher".split()
)
_CODES = frozenset(
    "sku isbn isbn10 isbn13 issn ean ean13 gtin upc asin mpn barcode model part serial article "
    "artikel item product order price cost amount qty quantity size weight dimension dimensions "
    "version timestamp time date created updated modified epoch id ids uuid guid code codes ref "
    "reference number catalog lot batch tracking invoice count rank rating oem hash md5 year "
    "length width height volume capacity frequency revision".split()
)
_BY_NAME = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_MAX_WORDS = 4


@dataclass(frozen=True)
class ColumnName:
    """The kind of values that the name of a column suggests.

    Attributes
    ----------
    kind
        The personal data that it holds by its name, or "".
    is_code
        Whether numbers in it are codes, prices or times: they look like anything.
    """

    kind: str = ""
    is_code: bool = False


NOWHERE = ColumnName()


@lru_cache(maxsize=4_096)
def column_of(name: str) -> ColumnName:
    """Return the kind for the name of a column, in snake case, camel case or words."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    words = [word for word in re.split(r"[\W_]+", snake) if word]
    if _OTHER.isdisjoint(words):
        for n in range(min(len(words), _MAX_WORDS), 0, -1):
            for start in range(len(words) - n + 1):
                kind = _BY_NAME.get("_".join(words[start : start + n]))
                if kind is not None:
                    return ColumnName(kind)
    return ColumnName("", not _CODES.isdisjoint(words))
