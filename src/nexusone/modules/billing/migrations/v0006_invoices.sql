-- What the operators' companies have numbered so far: one row a series (issuer, kind of paper, year). Its lock is held from
-- taking a number to the commit, so numbers have no gaps and dates never run backwards.
create table billing.paper_series (
    issuer text not null,
    kind text not null check (kind in ('invoice', 'credit_note')),
    year bigint not null,
    last_number bigint not null check (last_number > 0),
    last_issued_at timestamptz not null,
    primary key (issuer, kind, year)
);

-- How many units of a currency one unit of the reference currency bought on a day, in millionths of millionths.
create table billing.exchange_rate (
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    rate_on date not null,
    reference text not null check (reference ~ '^[A-Z]{3}$'),
    rate_pico bigint not null check (rate_pico > 0),
    source text not null,
    primary key (reference, currency, rate_on)
);
revoke update, delete on billing.exchange_rate from m_billing;

create table billing.billing_profile (
    workspace_id uuid primary key,
    legal_name text not null,
    street text not null,
    postal_code text not null,
    city text not null,
    region text not null,
    country text not null check (country ~ '^[A-Z]{2}$'),
    vat_id text,
    email text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    locale text not null,
    vat_outcome text check (vat_outcome in ('valid', 'invalid', 'unknown')),
    vat_checked_at timestamptz,
    vat_recheck_at timestamptz,
    version bigint not null default 1,
    updated_at timestamptz not null,
    check ((vat_id is null) = (vat_outcome is null))
);
create index billing_profile_recheck on billing.billing_profile (vat_recheck_at) where vat_recheck_at is not null;
select platform.protect('billing.billing_profile');
select platform.allow_system_scan('billing.billing_profile');

-- Every answer to the question whether a VAT id is good: what an invoice without tax stands on.
create table billing.vat_id_check (
    workspace_id uuid not null,
    id uuid not null,
    vat_id text not null,
    outcome text not null check (outcome in ('valid', 'invalid', 'unknown')),
    reference text,
    checked_at timestamptz not null,
    primary key (workspace_id, id)
);
select platform.protect('billing.vat_id_check');
revoke update, delete on billing.vat_id_check from m_billing;

-- seller and buyer are what they were when the invoice was issued. Amounts are in minor units of the currency.
create table billing.invoice (
    workspace_id uuid not null,
    id uuid not null,
    issuer text not null,
    number text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    net_minor bigint not null check (net_minor >= 0),
    tax_minor bigint not null check (tax_minor >= 0),
    total_minor bigint not null check (total_minor = net_minor + tax_minor),
    tax_treatment text not null check (tax_treatment in ('standard', 'reverse_charge', 'outside_scope')),
    tax_country text,
    tax_rate_bps bigint not null check (tax_rate_bps >= 0),
    seller jsonb not null,
    buyer jsonb not null,
    locale text not null,
    subscription_id uuid,
    period_start timestamptz not null,
    period_end timestamptz not null check (period_end >= period_start),
    issued_at timestamptz not null,
    due_at timestamptz not null,
    primary key (workspace_id, id),
    unique (workspace_id, issuer, number)
);
create index invoice_by_subscription on billing.invoice (workspace_id, subscription_id) where subscription_id is not null;
select platform.protect('billing.invoice');
revoke update, delete on billing.invoice from m_billing;

create table billing.invoice_line (
    workspace_id uuid not null,
    invoice_id uuid not null,
    position bigint not null check (position > 0),
    kind text not null,
    description text not null,
    quantity bigint not null,
    unit_minor bigint not null,
    net_minor bigint not null,
    tax_minor bigint not null,
    primary key (workspace_id, invoice_id, position),
    foreign key (workspace_id, invoice_id) references billing.invoice (workspace_id, id)
);
select platform.protect('billing.invoice_line');
revoke update, delete on billing.invoice_line from m_billing;

-- What an invoice in another currency amounts to in the currency its issuer keeps books in: one unit was worth rate_pico
-- millionths of millionths of accounting_currency on rate_on. A day's rates may come after its invoices.
create table billing.invoice_rate (
    workspace_id uuid not null,
    invoice_id uuid not null,
    accounting_currency text not null,
    rate_pico bigint not null check (rate_pico > 0),
    rate_on date not null,
    net_minor bigint not null,
    tax_minor bigint not null,
    primary key (workspace_id, invoice_id),
    foreign key (workspace_id, invoice_id) references billing.invoice (workspace_id, id)
);
select platform.protect('billing.invoice_rate');
revoke update, delete on billing.invoice_rate from m_billing;

-- What happens to an invoice after it is issued; its content stays as it is.
create table billing.invoice_state (
    workspace_id uuid not null,
    invoice_id uuid not null,
    state text not null check (state in ('open', 'paid', 'void', 'uncollectible')),
    payment_id uuid,
    failures bigint not null default 0,
    credited_minor bigint not null default 0 check (credited_minor >= 0),
    pdf_key text,
    mailed_at timestamptz,
    changed_at timestamptz not null,
    primary key (workspace_id, invoice_id),
    foreign key (workspace_id, invoice_id) references billing.invoice (workspace_id, id)
);
select platform.protect('billing.invoice_state');

create table billing.credit_note (
    workspace_id uuid not null,
    id uuid not null,
    invoice_id uuid not null,
    issuer text not null,
    number text not null,
    currency text not null,
    net_minor bigint not null check (net_minor >= 0),
    tax_minor bigint not null check (tax_minor >= 0),
    total_minor bigint not null check (total_minor > 0 and total_minor = net_minor + tax_minor),
    reason text not null,
    key text not null,
    issued_at timestamptz not null,
    primary key (workspace_id, id),
    unique (workspace_id, issuer, number),
    unique (workspace_id, invoice_id, key),
    foreign key (workspace_id, invoice_id) references billing.invoice (workspace_id, id)
);
select platform.protect('billing.credit_note');
revoke update, delete on billing.credit_note from m_billing;

create table billing.credit_note_line (
    workspace_id uuid not null,
    credit_note_id uuid not null,
    position bigint not null,
    net_minor bigint not null,
    tax_minor bigint not null,
    primary key (workspace_id, credit_note_id, position),
    foreign key (workspace_id, credit_note_id) references billing.credit_note (workspace_id, id)
);
select platform.protect('billing.credit_note_line');
revoke update, delete on billing.credit_note_line from m_billing;
