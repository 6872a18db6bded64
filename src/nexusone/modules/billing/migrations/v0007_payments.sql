-- A payer as a vendor knows the workspace.
create table billing.gateway_customer (
    workspace_id uuid not null,
    gateway text not null,
    customer text not null,
    created_at timestamptz not null,
    primary key (workspace_id, gateway)
);
create index gateway_customer_known on billing.gateway_customer (gateway, customer);
select platform.protect('billing.gateway_customer');
select platform.allow_system_scan('billing.gateway_customer');

-- A way to pay that a vendor keeps: what a person knows it by, and nothing that could pay.
create table billing.payment_method (
    workspace_id uuid not null,
    id uuid not null,
    gateway text not null,
    vendor_id text not null,
    kind text not null,
    label text not null,
    expires text,
    is_default boolean not null,
    created_at timestamptz not null,
    removed_at timestamptz,
    primary key (workspace_id, id),
    unique (workspace_id, gateway, vendor_id),
    check (removed_at is null or not is_default)
);
create unique index payment_method_default on billing.payment_method (workspace_id) where is_default;
select platform.protect('billing.payment_method');

-- Written and committed before the vendor is called; the reference it goes by there is made of workspace and id.
-- probe_at: when it is looked up at the vendor if nobody has told by then.
create table billing.payment (
    workspace_id uuid not null,
    id uuid not null,
    gateway text not null,
    purpose text not null check (purpose in ('purchase', 'topup', 'invoice', 'method')),
    flow text not null check (flow in ('checkout', 'charge')),
    state text not null check (state in ('created', 'unknown', 'pending', 'needs_action', 'canceled', 'failed', 'captured')),
    amount_minor bigint not null check (amount_minor >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    net_minor bigint not null check (net_minor between 0 and amount_minor),
    refunded_minor bigint not null default 0 check (refunded_minor >= 0),
    credits_micros bigint check (credits_micros > 0),
    invoice_id uuid,
    method_id uuid,
    customer text not null,
    description text not null,
    subject text,
    capture_id text,
    checkout_url text,
    failure text,
    attempts bigint not null default 0,
    request_key text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    captured_at timestamptz,
    probe_at timestamptz,
    primary key (workspace_id, id),
    unique (workspace_id, request_key),
    foreign key (workspace_id, method_id) references billing.payment_method (workspace_id, id),
    foreign key (workspace_id, invoice_id) references billing.invoice (workspace_id, id)
);
-- Whatever runs at once, an invoice is being paid at most once.
create unique index payment_of_invoice on billing.payment (workspace_id, invoice_id)
where invoice_id is not null and state not in ('canceled', 'failed');
create index payment_by_method on billing.payment (workspace_id, method_id) where method_id is not null;
create index payment_by_invoice on billing.payment (workspace_id, invoice_id) where invoice_id is not null;
create index payment_due on billing.payment (probe_at) where probe_at is not null;
create index payment_captured on billing.payment (gateway, captured_at) where captured_at is not null;
select platform.protect('billing.payment');
select platform.allow_system_scan('billing.payment');

-- credits_due: what goes with it; taken and missed say what became of that.
create table billing.refund (
    workspace_id uuid not null,
    id uuid not null,
    payment_id uuid not null,
    vendor_id text,
    state text not null check (state in ('created', 'unknown', 'pending', 'succeeded', 'failed')),
    amount_minor bigint not null check (amount_minor > 0),
    reason text not null,
    credits_due_micros bigint not null default 0 check (credits_due_micros >= 0),
    credits_taken_micros bigint check (credits_taken_micros between 0 and credits_due_micros),
    request_key text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    probe_at timestamptz,
    primary key (workspace_id, id),
    unique (workspace_id, payment_id, vendor_id),
    unique (workspace_id, request_key),
    foreign key (workspace_id, payment_id) references billing.payment (workspace_id, id)
);
create index refund_due on billing.refund (probe_at) where probe_at is not null;
select platform.protect('billing.refund');
select platform.allow_system_scan('billing.refund');

create table billing.dispute (
    workspace_id uuid not null,
    id uuid not null,
    payment_id uuid not null,
    vendor_id text not null,
    state text not null check (state in ('open', 'won', 'lost')),
    amount_minor bigint not null check (amount_minor >= 0),
    reason text not null,
    credits_held_micros bigint check (credits_held_micros >= 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (workspace_id, id),
    unique (workspace_id, payment_id, vendor_id),
    foreign key (workspace_id, payment_id) references billing.payment (workspace_id, id)
);
select platform.protect('billing.dispute');

-- What vendors told. Whose it is comes out when the payment is fetched; of the body a digest alone is kept.
create table billing.webhook_event (
    gateway text not null,
    event_id text not null,
    kind text not null,
    subject text,
    customer text,
    digest bytea not null,
    outcome text,
    received_at timestamptz not null,
    handled_at timestamptz,
    primary key (gateway, event_id)
);

-- Where our books and a vendor's disagree: for a person to look into, never mended by itself.
create table billing.payment_incident (
    gateway text not null,
    kind text not null check (kind in ('missing_there', 'missing_here', 'amount_differs', 'invoice_differs', 'unclaimed')),
    subject text not null,
    payment_id uuid,
    of_workspace uuid,
    expected_minor bigint,
    found_minor bigint,
    currency text not null,
    found_at timestamptz not null,
    primary key (gateway, kind, subject)
);
revoke update, delete on billing.payment_incident from m_billing;
