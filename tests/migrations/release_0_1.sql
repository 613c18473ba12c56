
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.activations (
    organization_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    counter integer NOT NULL,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.active_models (
    organization_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    counter integer NOT NULL,
    activated_at timestamp with time zone DEFAULT now() NOT NULL,
    reranker_version_id uuid,
    rerank_top_n integer DEFAULT 10 NOT NULL
);

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.api_keys (
    organization_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    public_id character varying(32) NOT NULL,
    secret_sha256 bytea NOT NULL,
    scopes jsonb NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.candidate_decisions (
    organization_id uuid NOT NULL,
    candidate_id uuid NOT NULL,
    decision character varying(20) NOT NULL,
    actor character varying(200) NOT NULL,
    reason character varying(1000),
    changes jsonb NOT NULL,
    undone_at timestamp with time zone,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_candidate_decisions_decision CHECK (((decision)::text = ANY ((ARRAY['approve'::character varying, 'reject'::character varying, 'skip'::character varying])::text[])))
);

CREATE TABLE public.candidates (
    organization_id uuid NOT NULL,
    kind character varying(20) NOT NULL,
    status character varying(20) NOT NULL,
    category_id uuid NOT NULL,
    paraphrase character varying(200),
    merchant_name character varying(500),
    merchant_descriptor character varying(500),
    merchant_category jsonb NOT NULL,
    merchant_category_code character varying(4),
    department character varying(200),
    location character varying(200),
    amount numeric(18,4),
    currency character varying(3),
    memo text,
    spend_program_name character varying(200),
    trip_name character varying(200),
    occurred_on date,
    job_id uuid NOT NULL,
    style character varying(20) NOT NULL,
    prompt_version character varying(50) NOT NULL,
    llm character varying(200) NOT NULL,
    rank integer,
    margin double precision,
    model_version_id uuid,
    leased_by character varying(200),
    leased_until timestamp with time zone,
    decided_by character varying(200),
    decided_at timestamp with time zone,
    reason character varying(1000),
    transaction_id uuid,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_candidates_kind CHECK (((kind)::text = ANY ((ARRAY['transaction'::character varying, 'paraphrase'::character varying])::text[]))),
    CONSTRAINT ck_candidates_status CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'approved'::character varying, 'rejected'::character varying, 'skipped'::character varying])::text[])))
);

CREATE TABLE public.categories (
    organization_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    code character varying(100),
    description text,
    examples jsonb NOT NULL,
    departments jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    archived_at timestamp with time zone,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.dataset_items (
    organization_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    category_id uuid NOT NULL,
    split character varying(10) NOT NULL,
    fields jsonb NOT NULL,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_dataset_items_split CHECK (((split)::text = ANY ((ARRAY['train'::character varying, 'test'::character varying, 'eval'::character varying])::text[])))
);

CREATE TABLE public.datasets (
    organization_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    seed integer NOT NULL,
    parameters jsonb NOT NULL,
    counts jsonb NOT NULL,
    categories jsonb NOT NULL,
    job_id uuid NOT NULL,
    frozen_at timestamp with time zone,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    report jsonb
);

CREATE TABLE public.evaluation_rows (
    evaluation_id uuid NOT NULL,
    dataset_item_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    rank integer,
    rank_without_history integer,
    suggested_category_id uuid,
    rank_without_reranker integer,
    score double precision
);

CREATE TABLE public.evaluations (
    organization_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    model_version_id uuid,
    split character varying(10) NOT NULL,
    metrics jsonb NOT NULL,
    per_category jsonb NOT NULL,
    job_id uuid NOT NULL,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    method character varying(30) DEFAULT 'model'::character varying NOT NULL,
    reranker_version_id uuid,
    report jsonb
);

CREATE TABLE public.idempotency_keys (
    organization_id uuid,
    key character varying(255) NOT NULL,
    request_sha256 bytea NOT NULL,
    status integer,
    headers jsonb,
    body bytea,
    is_sealed boolean NOT NULL,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.jobs (
    organization_id uuid NOT NULL,
    kind character varying(50) NOT NULL,
    queue character varying(20) NOT NULL,
    priority integer NOT NULL,
    status character varying(20) NOT NULL,
    params jsonb NOT NULL,
    progress jsonb,
    result jsonb,
    error jsonb,
    attempt integer NOT NULL,
    max_attempts integer NOT NULL,
    cancel_requested boolean NOT NULL,
    available_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    lease_until timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    request_id character varying(100),
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    leases_lost integer DEFAULT 0 NOT NULL,
    traceparent character varying(64),
    parent_id uuid,
    CONSTRAINT ck_jobs_status CHECK (((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying, 'succeeded'::character varying, 'failed'::character varying, 'cancelled'::character varying])::text[])))
);

CREATE TABLE public.labels (
    organization_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    category_id uuid NOT NULL,
    source character varying(20) NOT NULL,
    actor character varying(200) NOT NULL,
    is_current boolean NOT NULL,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_labels_source CHECK (((source)::text = ANY ((ARRAY['human'::character varying, 'import'::character varying, 'rule'::character varying, 'synthetic'::character varying])::text[])))
);

CREATE TABLE public.model_versions (
    organization_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    base_model character varying(500) NOT NULL,
    base_model_revision character varying(200),
    fingerprint character varying(64) NOT NULL,
    artifact character varying(500),
    parameters jsonb NOT NULL,
    metrics jsonb NOT NULL,
    dataset_id uuid,
    job_id uuid,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    dimension integer,
    CONSTRAINT ck_model_versions_kind CHECK (((kind)::text = ANY ((ARRAY['base'::character varying, 'fine_tuned'::character varying, 'imported'::character varying, 'reranker'::character varying, 'hosted_reranker'::character varying])::text[])))
);

CREATE TABLE public.organizations (
    name character varying(200) NOT NULL,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone
);

CREATE TABLE public.transactions (
    organization_id uuid NOT NULL,
    external_id character varying(200),
    merchant_name character varying(500) NOT NULL,
    merchant_descriptor character varying(500),
    merchant_category jsonb NOT NULL,
    merchant_category_code character varying(4),
    department character varying(200),
    location character varying(200),
    amount numeric(18,4),
    currency character varying(3),
    memo text,
    spend_program_name character varying(200),
    trip_name character varying(200),
    occurred_on date,
    source character varying(20) NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_transactions_source CHECK (((source)::text = ANY ((ARRAY['api'::character varying, 'import'::character varying, 'synthetic'::character varying])::text[])))
);

INSERT INTO public.activations VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-6e2d-78c6-8d6e-fc027a69dea9', 1, '01a21411-00ad-71c0-b520-c76a67a40f98', '2026-11-25 18:56:28.309672+00');

INSERT INTO public.active_models VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-6e2d-78c6-8d6e-fc027a69dea9', 1, '2026-11-25 18:56:28.309672+00', NULL, 10);

INSERT INTO public.alembic_version VALUES
	('0005');

INSERT INTO public.api_keys VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'first key', 'dfa1a1970b57c2af', '\xc266525f94b9544437782f6c305b07bc5016e4d54b86e08a7f3258667cb35c61', '["admin", "read", "write"]', NULL, NULL, '01a2140f-6df6-797c-a714-86ee9df02979', '2026-11-25 18:54:45.229448+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'key 25', 'be15c229c169e42d', '\xaec74612d3e91816a85338459bf9c9cb670071c9b8daebf9d3df9b23a360ee25', '["read"]', NULL, NULL, '01a21411-51f1-7985-be57-9cd164ce8662', '2026-11-25 18:56:49.137094+00');

INSERT INTO public.candidate_decisions VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-51a2-7259-adea-f36929782759', 'skip', 'Ann', NULL, '{}', NULL, '01a21411-51b0-7928-bf91-d4707267f3d4', '2026-11-25 18:56:49.072985+00');

INSERT INTO public.candidates VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'transaction', 'pending', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 'Made-up 23', NULL, '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ba954719-dc2d-420c-a26b-22009db05637', 'plain', 'p1', 'llm', 3, -0.4, '842c7b53-ec6a-4d54-b90d-ad7422cfdc76', NULL, NULL, NULL, NULL, NULL, NULL, '01a21411-51a2-7259-adea-f36929782759', '2026-11-25 18:56:49.061217+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'transaction', 'pending', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 'Made-up 24', NULL, '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ba954719-dc2d-420c-a26b-22009db05637', 'plain', 'p1', 'llm', 4, -0.3, '99f5186e-aadf-4710-aa9f-14147ea90e3a', NULL, NULL, NULL, NULL, NULL, NULL, '01a21411-51a2-7d63-a4cb-2b599fc1258c', '2026-11-25 18:56:49.061217+00');

INSERT INTO public.categories VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'Meals', NULL, 'Food', '["Uber Eats"]', '[]', '2026-11-25 18:54:45.534753+00', NULL, '01a2140f-6f47-709e-b1da-500e29e1ca67', '2026-11-25 18:54:45.534753+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'Lodging', '2', NULL, '[]', '[]', '2026-11-25 18:54:45.747085+00', NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', '2026-11-25 18:54:45.747085+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'Software', '12', NULL, '[]', '[]', '2026-11-25 18:54:46.163792+00', NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', '2026-11-25 18:54:46.163792+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'Travel', 'T', NULL, '[]', '[]', '2026-11-25 18:56:49.206742+00', NULL, '01a21411-5234-740f-a4a9-2f679a754694', '2026-11-25 18:56:49.206742+00');

INSERT INTO public.dataset_items VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-74c3-8a65-65a9149f7249', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'test', '{"memo": "note 8", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Hyatt", "merchant_category": ["Lodging"]}', '88f37099-7ee3-5328-8b40-d570de4652d1', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-7560-b752-47630eaaabaf', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'test', '{"memo": "note 3", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Marriott", "merchant_category": ["Lodging"]}', '70d896b2-e455-5d99-a972-7132693e2429', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-75da-8d1f-d7091e1a89f4', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'train', '{"memo": "note 6", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Marriott", "merchant_category": ["Lodging"]}', '0bd0767a-f33d-5979-9553-40b8c6fd0887', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-765b-b92b-fb248c187573', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'eval', '{"memo": "note 5", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Hyatt", "merchant_category": ["Lodging"]}', '38f3cb11-9089-5915-8f9c-f56dfe3939d1', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-7d61-a113-80e70d69b99e', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'test', '{"memo": "note 7", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Hilton", "merchant_category": ["Lodging"]}', '23f30a69-fe10-53d4-afd4-c4bdb281f9ab', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-7dec-8a19-250bc9d7546d', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'train', '{"memo": "note 4", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Hilton", "merchant_category": ["Lodging"]}', 'e3947be1-97c6-5cff-8754-09d407496a29', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-7ee4-937d-deab3dcadfc7', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'train', '{"memo": "note 1", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Hilton", "merchant_category": ["Lodging"]}', '6fb61c9b-a30e-52a9-aaa2-cb2b6cbaa4bf', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-7f2d-8127-6579731a53a2', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'eval', '{"memo": "note 2", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Hyatt", "merchant_category": ["Lodging"]}', 'd8ec5716-c556-584b-b4bb-81be2c8f3bb5', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-70c1-7f4c-a7d0-7a18d3e09773', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'train', '{"memo": "note 0", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Marriott", "merchant_category": ["Lodging"]}', '4f518fa0-e9b7-5744-bbcd-86f54604e5e1', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71e7-7137-b8ff-f291d837cbe0', '01a2140f-7193-79e9-99c0-63ca04525dba', 'eval', '{"memo": "note 4", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "GitLab", "merchant_category": ["Software"]}', '74fcf8b7-9dcc-5fc1-a925-2e5d1cc36f18', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71e7-7280-9cac-e27c5a77f03d', '01a2140f-7193-79e9-99c0-63ca04525dba', 'train', '{"memo": "note 2", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Figma", "merchant_category": ["Software"]}', '3957dfef-fb61-5f26-bc7e-6b3b88097cfa', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71e7-728a-b261-a98f9a9dc932', '01a2140f-7193-79e9-99c0-63ca04525dba', 'test', '{"memo": "note 1", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "GitLab", "merchant_category": ["Software"]}', 'af7092b3-d822-5eaf-ba3b-17ce8ce93a25', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71e7-7ea8-b8c3-4668505620c0', '01a2140f-7193-79e9-99c0-63ca04525dba', 'train', '{"memo": "note 3", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "GitHub", "merchant_category": ["Software"]}', 'ffd83fa5-d6ef-5af4-adbd-6fddf7f25277', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71e7-7f37-a3c0-9ce1792918e3', '01a2140f-7193-79e9-99c0-63ca04525dba', 'train', '{"memo": "note 0", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "GitHub", "merchant_category": ["Software"]}', 'e9fa61f1-89d1-5e40-bf9d-42215fbcb85b', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71ef-7068-a8b7-d2c7ecd8f6fc', '01a2140f-7193-79e9-99c0-63ca04525dba', 'eval', '{"memo": "note 7", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "GitLab", "merchant_category": ["Software"]}', 'd241918b-f454-52ed-9999-b6b76c650f31', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71ef-75c1-81f4-69563bce8d60', '01a2140f-7193-79e9-99c0-63ca04525dba', 'train', '{"memo": "note 8", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Figma", "merchant_category": ["Software"]}', '2175f3db-f0a7-5070-9e80-e3b66fd3a703', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71ef-77e2-9698-4604ab88e087', '01a2140f-7193-79e9-99c0-63ca04525dba', 'train', '{"memo": "note 6", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "GitHub", "merchant_category": ["Software"]}', '49574adf-2daf-5e34-9f9d-336557eddb0e', '2026-11-25 18:56:28.814181+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-71ef-7f72-ba1a-431fe494dcb2', '01a2140f-7193-79e9-99c0-63ca04525dba', 'test', '{"memo": "note 5", "amount": "12.5000", "currency": "EUR", "location": "Berlin", "department": "Sales", "merchant_name": "Figma", "merchant_category": ["Software"]}', 'c1894fad-a168-5b77-9529-8ada5e2e1374', '2026-11-25 18:56:28.814181+00');

INSERT INTO public.datasets VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'May', 7, '{"eval": 0.25, "name": "May", "seed": 7, "test": 0.25, "train": 0.5, "sources": [], "strategy": "stratified", "occurred_to": null, "category_ids": [], "occurred_from": null, "remove_duplicates": false}', '{"eval": 4, "test": 5, "train": 9}', '{"01a2140f-6f47-709e-b1da-500e29e1ca67": {"code": null, "name": "Meals", "text": "Meals. Food. Examples: Uber Eats", "examples": ["Uber Eats"], "departments": [], "description": "Food"}, "01a2140f-6ff2-79c8-9cfc-2097071eb54c": {"code": "2", "name": "Lodging", "text": "Lodging", "examples": [], "departments": [], "description": null}, "01a2140f-7193-79e9-99c0-63ca04525dba": {"code": "12", "name": "Software", "text": "Software", "examples": [], "departments": [], "description": null}}', '01a21411-0236-78e7-94bc-0b1eefc4d335', '2026-11-25 18:56:28.851885+00', '01a21411-0236-78e7-94bc-0b1eefc4d335', '2026-11-25 18:56:28.767866+00', '{"thin": [{"id": "01a2140f-6ff2-79c8-9cfc-2097071eb54c", "name": "Lodging", "train": 4}], "parity": null, "leakage": {"eval": {"rows": 4, "share": 1.0}, "test": {"rows": 5, "share": 1.0}, "train": {"rows": 9, "share": 1.0}}, "undated": 0, "categories": [{"id": "01a2140f-6ff2-79c8-9cfc-2097071eb54c", "eval": 2, "name": "Lodging", "test": 3, "train": 4}, {"id": "01a2140f-6f47-709e-b1da-500e29e1ca67", "eval": 0, "name": "Meals", "test": 0, "train": 0}, {"id": "01a2140f-7193-79e9-99c0-63ca04525dba", "eval": 2, "name": "Software", "test": 2, "train": 5}], "without_rows": [{"id": "01a2140f-6f47-709e-b1da-500e29e1ca67", "name": "Meals"}], "duplicates_removed": {"eval": 0, "test": 0, "train": 0}}');

INSERT INTO public.evaluation_rows VALUES
	('01a21411-0325-708d-8604-4a29f2dd9a98', '38f3cb11-9089-5915-8f9c-f56dfe3939d1', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, 1, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.9949239665702065),
	('01a21411-0325-708d-8604-4a29f2dd9a98', '74fcf8b7-9dcc-5fc1-a925-2e5d1cc36f18', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, 1, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.9961665454007751),
	('01a21411-0325-708d-8604-4a29f2dd9a98', 'd241918b-f454-52ed-9999-b6b76c650f31', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, 1, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.9961637110051282),
	('01a21411-0325-708d-8604-4a29f2dd9a98', 'd8ec5716-c556-584b-b4bb-81be2c8f3bb5', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, 1, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.9952913091079614),
	('01a21411-0345-7000-8000-008baf8c4735', '38f3cb11-9089-5915-8f9c-f56dfe3939d1', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.5),
	('01a21411-0345-7000-8000-008baf8c4735', '74fcf8b7-9dcc-5fc1-a925-2e5d1cc36f18', '01a2140f-6ded-7fd0-afdf-07e114effa26', 2, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.5),
	('01a21411-0345-7000-8000-008baf8c4735', 'd241918b-f454-52ed-9999-b6b76c650f31', '01a2140f-6ded-7fd0-afdf-07e114effa26', 2, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.5),
	('01a21411-0345-7000-8000-008baf8c4735', 'd8ec5716-c556-584b-b4bb-81be2c8f3bb5', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.5),
	('01a21411-0345-7000-8000-04aad565d8aa', '38f3cb11-9089-5915-8f9c-f56dfe3939d1', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.9999994999999999),
	('01a21411-0345-7000-8000-04aad565d8aa', '74fcf8b7-9dcc-5fc1-a925-2e5d1cc36f18', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.9999994999999999),
	('01a21411-0345-7000-8000-04aad565d8aa', 'd241918b-f454-52ed-9999-b6b76c650f31', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.9999994999999999),
	('01a21411-0345-7000-8000-04aad565d8aa', 'd8ec5716-c556-584b-b4bb-81be2c8f3bb5', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.9999994999999999),
	('01a21411-0345-7000-8000-0b99c91bf6c5', '38f3cb11-9089-5915-8f9c-f56dfe3939d1', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 1),
	('01a21411-0345-7000-8000-0b99c91bf6c5', '74fcf8b7-9dcc-5fc1-a925-2e5d1cc36f18', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 1),
	('01a21411-0345-7000-8000-0b99c91bf6c5', 'd241918b-f454-52ed-9999-b6b76c650f31', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 1),
	('01a21411-0345-7000-8000-0b99c91bf6c5', 'd8ec5716-c556-584b-b4bb-81be2c8f3bb5', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 1),
	('01a21411-0345-7000-8000-0f1473b00d39', '38f3cb11-9089-5915-8f9c-f56dfe3939d1', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.9414326438515086),
	('01a21411-0345-7000-8000-0f1473b00d39', '74fcf8b7-9dcc-5fc1-a925-2e5d1cc36f18', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.9414326438515086),
	('01a21411-0345-7000-8000-0f1473b00d39', 'd241918b-f454-52ed-9999-b6b76c650f31', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.9414326438515086),
	('01a21411-0345-7000-8000-0f1473b00d39', 'd8ec5716-c556-584b-b4bb-81be2c8f3bb5', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.9414326438515086),
	('01a21411-0345-7000-8000-10679ceda9a3', '38f3cb11-9089-5915-8f9c-f56dfe3939d1', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.8840544819831848),
	('01a21411-0345-7000-8000-10679ceda9a3', '74fcf8b7-9dcc-5fc1-a925-2e5d1cc36f18', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.887312114238739),
	('01a21411-0345-7000-8000-10679ceda9a3', 'd241918b-f454-52ed-9999-b6b76c650f31', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-7193-79e9-99c0-63ca04525dba', NULL, 0.887312114238739),
	('01a21411-0345-7000-8000-10679ceda9a3', 'd8ec5716-c556-584b-b4bb-81be2c8f3bb5', '01a2140f-6ded-7fd0-afdf-07e114effa26', 1, NULL, '01a2140f-6ff2-79c8-9cfc-2097071eb54c', NULL, 0.8840544819831848);

INSERT INTO public.evaluations VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', '01a2140f-6e2d-78c6-8d6e-fc027a69dea9', 'eval', '{"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "without_history": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}, "triplet_accuracy": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}', '{"01a2140f-6ff2-79c8-9cfc-2097071eb54c": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}, "01a2140f-7193-79e9-99c0-63ca04525dba": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}}', '01a21411-0325-708d-8604-4a29f2dd9a98', '01a21411-0325-708d-8604-4a29f2dd9a98', '2026-11-25 18:56:45.417754+00', 'model', NULL, '{"map": {"method": "pca", "points": [{"kind": "category", "after": [0.2475, 0.6662], "label": "Meals", "before": [0.2475, 0.6662], "category_id": "01a2140f-6f47-709e-b1da-500e29e1ca67"}, {"kind": "category", "after": [-0.5028, 0.3909], "label": "Software", "before": [-0.5028, 0.3909], "category_id": "01a2140f-7193-79e9-99c0-63ca04525dba"}, {"kind": "category", "after": [0.6099, 0.143], "label": "Lodging", "before": [0.6099, 0.143], "category_id": "01a2140f-6ff2-79c8-9cfc-2097071eb54c"}, {"kind": "transaction", "after": [0.3682, -0.3905], "label": "Hyatt", "before": [0.3682, -0.3905], "category_id": "01a2140f-6ff2-79c8-9cfc-2097071eb54c"}, {"kind": "transaction", "after": [0.3863, -0.3833], "label": "Hyatt", "before": [0.3863, -0.3833], "category_id": "01a2140f-6ff2-79c8-9cfc-2097071eb54c"}, {"kind": "transaction", "after": [-0.5502, -0.2273], "label": "GitLab", "before": [-0.5502, -0.2273], "category_id": "01a2140f-7193-79e9-99c0-63ca04525dba"}, {"kind": "transaction", "after": [-0.559, -0.199], "label": "GitLab", "before": [-0.559, -0.199], "category_id": "01a2140f-7193-79e9-99c0-63ca04525dba"}]}, "slices": {"department": {"Sales": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "amount_band": {"10 to 100": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "category_seen": {"seen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "labelled_rows": {"5-19": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "merchant_seen": {"unseen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}}, "renamed": null, "evaluator": "2", "confusions": [], "reliability": {"bins": [{"n": 0, "low": 0.0, "high": 0.1, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.1, "high": 0.2, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.2, "high": 0.3, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.3, "high": 0.4, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.4, "high": 0.5, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.5, "high": 0.6, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.6, "high": 0.7, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.7, "high": 0.8, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.8, "high": 0.9, "accuracy": null, "mean_score": null}, {"n": 4, "low": 0.9, "high": 1.0, "accuracy": 1.0, "mean_score": 0.9956363830210178}], "expected_calibration_error": 0.004363616978982243}, "history_rows": 14}'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', NULL, 'eval', '{"n": 4, "mrr": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "5": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "10": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}}, "ndcg": {"10": {"n": 4, "low": 0.6309297535714575, "high": 1.0, "value": 0.8154648767857288}}, "recall": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}}, "triplet_accuracy": null}', '{"01a2140f-6ff2-79c8-9cfc-2097071eb54c": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}, "01a2140f-7193-79e9-99c0-63ca04525dba": {"n": 2, "mrr": {"1": {"n": 2, "low": 0.0, "high": 0.0, "value": 0.0}, "3": {"n": 2, "low": 0.5, "high": 0.5, "value": 0.5}, "5": {"n": 2, "low": 0.5, "high": 0.5, "value": 0.5}, "10": {"n": 2, "low": 0.5, "high": 0.5, "value": 0.5}}, "ndcg": {"10": {"n": 2, "low": 0.6309297535714575, "high": 0.6309297535714575, "value": 0.6309297535714575}}, "recall": {"1": {"n": 2, "low": 0.0, "high": 0.0, "value": 0.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}}', '01a21411-0345-7346-9b85-ffb13351efec', '01a21411-0345-7000-8000-008baf8c4735', '2026-11-25 18:56:48.816687+00', 'most_frequent', NULL, '{"map": null, "slices": {"department": {"Sales": {"n": 4, "mrr": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "5": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "10": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}}, "recall": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "amount_band": {"10 to 100": {"n": 4, "mrr": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "5": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "10": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}}, "recall": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "category_seen": {"seen": {"n": 4, "mrr": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "5": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "10": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}}, "recall": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "labelled_rows": {"5-19": {"n": 4, "mrr": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "5": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "10": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}}, "recall": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "merchant_seen": {"unseen": {"n": 4, "mrr": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "5": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}, "10": {"n": 4, "low": 0.5, "high": 1.0, "value": 0.75}}, "recall": {"1": {"n": 4, "low": 0.0, "high": 1.0, "value": 0.5}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}}, "renamed": null, "evaluator": "2", "confusions": [{"rows": 2, "category": "Software", "suggested": "Lodging", "category_id": "01a2140f-7193-79e9-99c0-63ca04525dba", "suggested_id": "01a2140f-6ff2-79c8-9cfc-2097071eb54c"}], "reliability": {"bins": [{"n": 0, "low": 0.0, "high": 0.1, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.1, "high": 0.2, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.2, "high": 0.3, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.3, "high": 0.4, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.4, "high": 0.5, "accuracy": null, "mean_score": null}, {"n": 4, "low": 0.5, "high": 0.6, "accuracy": 0.5, "mean_score": 0.5}, {"n": 0, "low": 0.6, "high": 0.7, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.7, "high": 0.8, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.8, "high": 0.9, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.9, "high": 1.0, "accuracy": null, "mean_score": null}], "expected_calibration_error": 0.0}, "history_rows": 14}'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', NULL, 'eval', '{"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "triplet_accuracy": null}', '{"01a2140f-6ff2-79c8-9cfc-2097071eb54c": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}, "01a2140f-7193-79e9-99c0-63ca04525dba": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}}', '01a21411-0345-7346-9b85-ffb13351efec', '01a21411-0345-7000-8000-04aad565d8aa', '2026-11-25 18:56:48.816687+00', 'merchant_majority', NULL, '{"map": null, "slices": {"department": {"Sales": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "amount_band": {"10 to 100": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "category_seen": {"seen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "labelled_rows": {"5-19": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "merchant_seen": {"unseen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}}, "renamed": null, "evaluator": "2", "confusions": [], "reliability": {"bins": [{"n": 0, "low": 0.0, "high": 0.1, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.1, "high": 0.2, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.2, "high": 0.3, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.3, "high": 0.4, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.4, "high": 0.5, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.5, "high": 0.6, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.6, "high": 0.7, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.7, "high": 0.8, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.8, "high": 0.9, "accuracy": null, "mean_score": null}, {"n": 4, "low": 0.9, "high": 1.0, "accuracy": 1.0, "mean_score": 0.9999994999999999}], "expected_calibration_error": 0.000000500000000069889}, "history_rows": 14}'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', NULL, 'eval', '{"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "triplet_accuracy": null}', '{"01a2140f-6ff2-79c8-9cfc-2097071eb54c": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}, "01a2140f-7193-79e9-99c0-63ca04525dba": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}}', '01a21411-0345-7346-9b85-ffb13351efec', '01a21411-0345-7000-8000-0b99c91bf6c5', '2026-11-25 18:56:48.816687+00', 'bm25_categories', NULL, '{"map": null, "slices": {"department": {"Sales": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "amount_band": {"10 to 100": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "category_seen": {"seen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "labelled_rows": {"5-19": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "merchant_seen": {"unseen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}}, "renamed": null, "evaluator": "2", "confusions": [], "reliability": {"bins": [{"n": 0, "low": 0.0, "high": 0.1, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.1, "high": 0.2, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.2, "high": 0.3, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.3, "high": 0.4, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.4, "high": 0.5, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.5, "high": 0.6, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.6, "high": 0.7, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.7, "high": 0.8, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.8, "high": 0.9, "accuracy": null, "mean_score": null}, {"n": 4, "low": 0.9, "high": 1.0, "accuracy": 1.0, "mean_score": 1.0}], "expected_calibration_error": 0.0}, "history_rows": 14}'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', NULL, 'eval', '{"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "triplet_accuracy": null}', '{"01a2140f-6ff2-79c8-9cfc-2097071eb54c": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}, "01a2140f-7193-79e9-99c0-63ca04525dba": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}}', '01a21411-0345-7346-9b85-ffb13351efec', '01a21411-0345-7000-8000-0f1473b00d39', '2026-11-25 18:56:48.816687+00', 'bm25_history', NULL, '{"map": null, "slices": {"department": {"Sales": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "amount_band": {"10 to 100": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "category_seen": {"seen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "labelled_rows": {"5-19": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "merchant_seen": {"unseen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}}, "renamed": null, "evaluator": "2", "confusions": [], "reliability": {"bins": [{"n": 0, "low": 0.0, "high": 0.1, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.1, "high": 0.2, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.2, "high": 0.3, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.3, "high": 0.4, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.4, "high": 0.5, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.5, "high": 0.6, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.6, "high": 0.7, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.7, "high": 0.8, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.8, "high": 0.9, "accuracy": null, "mean_score": null}, {"n": 4, "low": 0.9, "high": 1.0, "accuracy": 1.0, "mean_score": 0.9414326438515086}], "expected_calibration_error": 0.0585673561484914}, "history_rows": 14}'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a21411-0236-78e7-94bc-0b1eefc4d335', NULL, 'eval', '{"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "triplet_accuracy": null}', '{"01a2140f-6ff2-79c8-9cfc-2097071eb54c": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}, "01a2140f-7193-79e9-99c0-63ca04525dba": {"n": 2, "mrr": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 2, "low": 1.0, "high": 1.0, "value": 1.0}}}}', '01a21411-0345-7346-9b85-ffb13351efec', '01a21411-0345-7000-8000-10679ceda9a3', '2026-11-25 18:56:48.816687+00', 'tfidf_lr', NULL, '{"map": null, "slices": {"department": {"Sales": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "amount_band": {"10 to 100": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "category_seen": {"seen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "labelled_rows": {"5-19": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}, "merchant_seen": {"unseen": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}}}, "renamed": null, "evaluator": "2", "confusions": [], "reliability": {"bins": [{"n": 0, "low": 0.0, "high": 0.1, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.1, "high": 0.2, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.2, "high": 0.3, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.3, "high": 0.4, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.4, "high": 0.5, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.5, "high": 0.6, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.6, "high": 0.7, "accuracy": null, "mean_score": null}, {"n": 0, "low": 0.7, "high": 0.8, "accuracy": null, "mean_score": null}, {"n": 4, "low": 0.8, "high": 0.9, "accuracy": 1.0, "mean_score": 0.8856832981109619}, {"n": 0, "low": 0.9, "high": 1.0, "accuracy": null, "mean_score": null}], "expected_calibration_error": 0.11431670188903809}, "history_rows": 14}');

INSERT INTO public.idempotency_keys VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'the same for all', '\x765524953b2e559b0f3ec2c93897299cb138e5cd0111d30ca81d8df51492f71d', 201, '{"content-type": "application/json"}', '\x7b226964223a2230316132313430662d366634372d373039652d623164612d353030653239653163613637222c226e616d65223a224d65616c73222c22636f6465223a6e756c6c2c226465736372697074696f6e223a22466f6f64222c226578616d706c6573223a5b22556265722045617473225d2c226465706172746d656e7473223a5b5d2c22637265617465645f6174223a22323032362d31312d32355431383a35343a34352e3533343735335a222c22757064617465645f6174223a22323032362d31312d32355431383a35343a34352e3533343735335a222c2261726368697665645f6174223a6e756c6c7d', false, '01a2140f-6f25-7b04-a0aa-1f5521932a7d', '2026-11-25 18:54:45.534753+00');

INSERT INTO public.jobs VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'sync_index', 'embedding', 0, 'succeeded', '{"category_ids": ["01a2140f-6f47-709e-b1da-500e29e1ca67"], "transaction_ids": []}', NULL, '{"written": 0}', NULL, 1, 3, false, '2026-11-25 18:54:45.534753+00', NULL, NULL, '2026-11-25 18:54:48.831578+00', '2026-11-25 18:54:48.959419+00', '9c62416a91e54fe3925203083064f7a4', '01a2140f-6f54-7713-94c0-d27d086b25bb', '2026-11-25 18:54:45.534753+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'sync_index', 'embedding', 0, 'succeeded', '{"category_ids": ["01a2140f-6ff2-79c8-9cfc-2097071eb54c"], "transaction_ids": []}', NULL, '{"written": 0}', NULL, 1, 3, false, '2026-11-25 18:54:45.747085+00', NULL, NULL, '2026-11-25 18:54:49.000719+00', '2026-11-25 18:54:49.093614+00', 'b6ab10ae53fc415a9a1c6dcf74438386', '01a2140f-6ff4-7b57-b423-bd642c5ee750', '2026-11-25 18:54:45.747085+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'sync_index', 'embedding', 0, 'succeeded', '{"category_ids": [], "transaction_ids": ["01a2140f-70c1-7f4c-a7d0-7a18d3e09773", "01a2140f-70c1-7ee4-937d-deab3dcadfc7", "01a2140f-70c1-7f2d-8127-6579731a53a2", "01a2140f-70c1-7560-b752-47630eaaabaf", "01a2140f-70c1-7dec-8a19-250bc9d7546d", "01a2140f-70c1-765b-b92b-fb248c187573", "01a2140f-70c1-75da-8d1f-d7091e1a89f4", "01a2140f-70c1-7d61-a113-80e70d69b99e", "01a2140f-70c1-74c3-8a65-65a9149f7249"]}', NULL, '{"written": 0}', NULL, 1, 3, false, '2026-11-25 18:54:46.052989+00', NULL, NULL, '2026-11-25 18:54:49.167902+00', '2026-11-25 18:54:49.240818+00', NULL, '01a2140f-7158-7dc6-b381-76893a219bd8', '2026-11-25 18:54:46.052989+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'sync_index', 'embedding', 0, 'succeeded', '{"category_ids": ["01a2140f-7193-79e9-99c0-63ca04525dba"], "transaction_ids": []}', NULL, '{"written": 0}', NULL, 1, 3, false, '2026-11-25 18:54:46.163792+00', NULL, NULL, '2026-11-25 18:54:49.258032+00', '2026-11-25 18:54:49.298039+00', '83df3c4cf62f4205b17961840aa5e9c9', '01a2140f-7199-7294-9df0-2095ab71c4ab', '2026-11-25 18:54:46.163792+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'sync_index', 'embedding', 0, 'succeeded', '{"category_ids": [], "transaction_ids": ["01a2140f-71e7-7f37-a3c0-9ce1792918e3", "01a2140f-71e7-728a-b261-a98f9a9dc932", "01a2140f-71e7-7280-9cac-e27c5a77f03d", "01a2140f-71e7-7ea8-b8c3-4668505620c0", "01a2140f-71e7-7137-b8ff-f291d837cbe0", "01a2140f-71ef-7f72-ba1a-431fe494dcb2", "01a2140f-71ef-77e2-9698-4604ab88e087", "01a2140f-71ef-7068-a8b7-d2c7ecd8f6fc", "01a2140f-71ef-75c1-81f4-69563bce8d60"]}', NULL, '{"written": 0}', NULL, 1, 3, false, '2026-11-25 18:54:46.305685+00', NULL, NULL, '2026-11-25 18:54:49.339945+00', '2026-11-25 18:54:49.392163+00', NULL, '01a2140f-7256-714b-9ec2-37d79e39938f', '2026-11-25 18:54:46.305685+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'activate', 'embedding', 3, 'succeeded', '{"counter": 0, "model_version_id": "01a2140f-6e2d-78c6-8d6e-fc027a69dea9"}', '{"done": 18, "note": "indexing", "total": 18}', '{"points": 21, "counter": 1, "removed": 0, "written": 21, "model_version_id": "01a2140f-6e2d-78c6-8d6e-fc027a69dea9"}', NULL, 1, 3, false, '2026-11-25 18:54:49.530943+00', NULL, NULL, '2026-11-25 18:54:49.572574+00', '2026-11-25 18:56:28.309672+00', 'f189c6e05c7c48e0aa04d212cd281908', '01a2140f-7ece-7e07-82b0-2e5438ec93ff', '2026-11-25 18:54:49.530943+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'reindex', 'embedding', 6, 'succeeded', '{"rebuild": false, "model_version_id": "01a2140f-6e2d-78c6-8d6e-fc027a69dea9"}', '{"done": 18, "note": "indexing", "total": 18}', '{"points": 21, "removed": 0, "written": 0}', NULL, 1, 3, false, '2026-11-25 18:56:28.309672+00', NULL, NULL, '2026-11-25 18:56:28.407876+00', '2026-11-25 18:56:28.639914+00', 'f189c6e05c7c48e0aa04d212cd281908', '01a21411-00b8-764d-a9a3-0c931b9c1988', '2026-11-25 18:56:28.309672+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'freeze_dataset', 'default', 3, 'succeeded', '{"eval": 0.25, "name": "May", "seed": 7, "test": 0.25, "train": 0.5, "sources": [], "strategy": "stratified", "occurred_to": null, "category_ids": [], "occurred_from": null, "remove_duplicates": false}', '{"done": 18, "note": "copying rows", "total": 18}', '{"counts": {"eval": 4, "test": 5, "train": 9}, "dataset_id": "01a21411-0236-78e7-94bc-0b1eefc4d335"}', NULL, 1, 3, false, '2026-11-25 18:56:28.726147+00', NULL, NULL, '2026-11-25 18:56:28.751895+00', '2026-11-25 18:56:28.851885+00', '6cd98f23c73144d08957076415dd2829', '01a21411-0236-78e7-94bc-0b1eefc4d335', '2026-11-25 18:56:28.726147+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'evaluate', 'evaluation', 3, 'succeeded', '{"split": "eval", "renamed": false, "dataset_id": "01a21411-0236-78e7-94bc-0b1eefc4d335", "projection": "pca", "rerank_top_n": 10, "model_version_id": "01a2140f-6e2d-78c6-8d6e-fc027a69dea9", "reranker_version_id": null}', '{"done": 21, "note": "asking", "total": 21}', '{"metrics": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "without_history": {"n": 4, "mrr": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "ndcg": {"10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "3": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "5": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}, "10": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "macro_recall": {"1": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}}, "triplet_accuracy": {"n": 4, "low": 1.0, "high": 1.0, "value": 1.0}}, "renamed": null, "evaluation_id": "01a21411-0325-708d-8604-4a29f2dd9a98"}', NULL, 1, 3, false, '2026-11-25 18:56:28.964395+00', NULL, NULL, '2026-11-25 18:56:29.018605+00', '2026-11-25 18:56:45.417754+00', 'c5d923943fc040f5b9185e26d320b4ec', '01a21411-0325-708d-8604-4a29f2dd9a98', '2026-11-25 18:56:28.964395+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'baselines', 'evaluation', 3, 'succeeded', '{"split": "eval", "dataset_id": "01a21411-0236-78e7-94bc-0b1eefc4d335"}', '{"done": 4, "note": "tfidf_lr", "total": 5}', '{"evaluation_ids": {"tfidf_lr": "01a21411-0345-7000-8000-10679ceda9a3", "bm25_history": "01a21411-0345-7000-8000-0f1473b00d39", "most_frequent": "01a21411-0345-7000-8000-008baf8c4735", "bm25_categories": "01a21411-0345-7000-8000-0b99c91bf6c5", "merchant_majority": "01a21411-0345-7000-8000-04aad565d8aa"}}', NULL, 1, 3, false, '2026-11-25 18:56:28.99591+00', NULL, NULL, '2026-11-25 18:56:45.552586+00', '2026-11-25 18:56:48.816687+00', '6643ce79d86f441394da142c20fbb20b', '01a21411-0345-7346-9b85-ffb13351efec', '2026-11-25 18:56:28.99591+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'train', 'default', 3, 'failed', '{}', NULL, NULL, '{"code": "untrainable", "message": "No."}', 1, 3, false, '2026-11-25 18:56:49.142536+00', NULL, NULL, NULL, '2026-11-25 18:56:49.140011+00', NULL, '01a21411-51f6-73ac-9a0c-8afb69dd069d', '2026-11-25 18:56:49.142536+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'import', 'default', 3, 'cancelled', '{}', NULL, NULL, NULL, 1, 3, false, '2026-11-25 18:56:49.145114+00', NULL, NULL, NULL, '2026-11-25 18:56:49.143936+00', NULL, '01a21411-51f9-75fb-81c2-ba631a06c8b2', '2026-11-25 18:56:49.145114+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'search', 'default', 3, 'succeeded', '{}', NULL, '{"best": {}, "trials": []}', NULL, 1, 3, false, '2026-11-25 18:56:49.148873+00', NULL, NULL, NULL, '2026-11-25 18:56:49.14612+00', NULL, '01a21411-51fc-705f-9b55-84317fdc7b6f', '2026-11-25 18:56:49.148873+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'trial', 'default', 3, 'succeeded', '{}', NULL, '{}', NULL, 1, 3, false, '2026-11-25 18:56:49.165098+00', NULL, NULL, NULL, '2026-11-25 18:56:49.164187+00', NULL, '01a21411-520d-772b-b3d7-6a778f4f606f', '2026-11-25 18:56:49.165098+00', 0, NULL, '01a21411-51fc-705f-9b55-84317fdc7b6f'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'reindex', 'default', 3, 'running', '{"rebuild": false, "model_version_id": "01a2140f-6e2d-78c6-8d6e-fc027a69dea9"}', NULL, NULL, NULL, 1, 3, false, '2026-11-25 18:56:49.184003+00', NULL, '2026-11-25 18:56:49.172738+00', NULL, NULL, NULL, '01a21411-521c-7a9f-8afa-3ee3aac1173d', '2026-11-25 18:56:49.184003+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'sync_index', 'embedding', 0, 'queued', '{"category_ids": ["01a21411-5234-740f-a4a9-2f679a754694"], "transaction_ids": []}', NULL, NULL, NULL, 0, 3, false, '2026-11-25 18:56:49.206742+00', NULL, NULL, NULL, NULL, 'c768a6b574ee494fa44ea492856f923f', '01a21411-5237-70b6-ab8c-07f74a1f69e7', '2026-11-25 18:56:49.206742+00', 0, NULL, NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'sync_index', 'embedding', 0, 'queued', '{"category_ids": [], "transaction_ids": ["01a2140f-72a3-7b42-9bb7-aa5c9c4dbb65"]}', NULL, NULL, NULL, 0, 3, false, '2026-11-25 18:56:49.223481+00', NULL, NULL, NULL, NULL, '803c0e7d93cb44c997b58c348a838c31', '01a21411-5252-79ab-8203-1ac2d53df675', '2026-11-25 18:56:49.223481+00', 0, NULL, NULL);

INSERT INTO public.labels VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-7f4c-a7d0-7a18d3e09773', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-7d9b-8841-b584aad9cdbb', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-7ee4-937d-deab3dcadfc7', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-7067-b713-3db36befb91e', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-7f2d-8127-6579731a53a2', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-7ecd-af31-58d57da919ec', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-7560-b752-47630eaaabaf', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-7646-83d4-424bdc548575', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-7dec-8a19-250bc9d7546d', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-7440-a25e-3f9af10210b5', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-765b-b92b-fb248c187573', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-726d-bd15-d7f791b9994c', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-75da-8d1f-d7091e1a89f4', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-73b6-9032-e0510da8ae38', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-7d61-a113-80e70d69b99e', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-705d-85ff-09d7304139dc', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-70c1-74c3-8a65-65a9149f7249', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'test', true, '01a2140f-713d-76e2-a70d-ffb3a8fba288', '2026-11-25 18:54:46.052989+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71e7-7f37-a3c0-9ce1792918e3', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-7194-a30d-73289003c2d7', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71e7-728a-b261-a98f9a9dc932', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-7dd9-94e2-35de7c6e56f9', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71e7-7280-9cac-e27c5a77f03d', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-797b-a446-7e46252502fb', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71e7-7ea8-b8c3-4668505620c0', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-71ba-9ae1-39cc240e982b', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71e7-7137-b8ff-f291d837cbe0', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-7829-aa45-63843d083243', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71ef-7f72-ba1a-431fe494dcb2', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-7502-aa21-aef731bb21dd', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71ef-77e2-9698-4604ab88e087', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-72c6-8186-92e00d298ab6', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71ef-7068-a8b7-d2c7ecd8f6fc', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-79a6-9211-71f4e51c953b', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-71ef-75c1-81f4-69563bce8d60', '01a2140f-7193-79e9-99c0-63ca04525dba', 'human', 'test', true, '01a2140f-723f-73c8-b07b-a14b0d8206a1', '2026-11-25 18:54:46.305685+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', '01a2140f-72a3-7b42-9bb7-aa5c9c4dbb65', '01a2140f-6ff2-79c8-9cfc-2097071eb54c', 'human', 'first key', true, '01a21411-524f-73d4-8ed1-0d2842307fb1', '2026-11-25 18:56:49.223481+00');

INSERT INTO public.model_versions VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'base', 'base', 'all-MiniLM-L6-v2', NULL, '07db4e1f186db72d17131b59d6890b382fdfe7e75eb4144f9d7db2f803b15d7b', NULL, '{}', '{}', NULL, NULL, '01a2140f-6e2d-78c6-8d6e-fc027a69dea9', '2026-11-25 18:54:45.229448+00', NULL),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'fine-tuned', 'fine_tuned', 'all-MiniLM-L6-v2', NULL, '7ec4c9f757b84b9f8fc669aaab829f7d7ec4c9f757b84b9f8fc669aaab829f7d', NULL, '{}', '{}', NULL, NULL, '01a21411-51d8-7d74-90ca-af439aa7814c', '2026-11-25 18:56:49.092434+00', NULL);

INSERT INTO public.organizations VALUES
	('Organisation 1', '01a2140f-6ded-7fd0-afdf-07e114effa26', '2026-11-25 18:54:45.229448+00', NULL);

INSERT INTO public.transactions VALUES
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Marriott', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 0', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-7f4c-a7d0-7a18d3e09773', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Hilton', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 1', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-7ee4-937d-deab3dcadfc7', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Hyatt', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 2', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-7f2d-8127-6579731a53a2', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Marriott', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 3', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-7560-b752-47630eaaabaf', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Hilton', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 4', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-7dec-8a19-250bc9d7546d', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Hyatt', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 5', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-765b-b92b-fb248c187573', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Marriott', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 6', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-75da-8d1f-d7091e1a89f4', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Hilton', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 7', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-7d61-a113-80e70d69b99e', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Hyatt', NULL, '["Lodging"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 8', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:45.975078+00', '01a2140f-70c1-74c3-8a65-65a9149f7249', '2026-11-25 18:54:45.975078+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'GitHub', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 0', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71e7-7f37-a3c0-9ce1792918e3', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'GitLab', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 1', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71e7-728a-b261-a98f9a9dc932', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Figma', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 2', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71e7-7280-9cac-e27c5a77f03d', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'GitHub', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 3', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71e7-7ea8-b8c3-4668505620c0', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'GitLab', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 4', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71e7-7137-b8ff-f291d837cbe0', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Figma', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 5', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71ef-7f72-ba1a-431fe494dcb2', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'GitHub', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 6', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71ef-77e2-9698-4604ab88e087', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'GitLab', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 7', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71ef-7068-a8b7-d2c7ecd8f6fc', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', NULL, 'Figma', NULL, '["Software"]', NULL, 'Sales', 'Berlin', 12.5000, 'EUR', 'note 8', NULL, NULL, '2026-03-01', 'api', '2026-11-25 18:54:46.264034+00', '01a2140f-71ef-75c1-81f4-69563bce8d60', '2026-11-25 18:54:46.264034+00'),
	('01a2140f-6ded-7fd0-afdf-07e114effa26', 'e-1', 'Uber', NULL, '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'api', '2026-11-25 18:54:46.461692+00', '01a2140f-72a3-7b42-9bb7-aa5c9c4dbb65', '2026-11-25 18:54:46.461692+00');

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT pk_activations PRIMARY KEY (id);

ALTER TABLE ONLY public.active_models
    ADD CONSTRAINT pk_active_models PRIMARY KEY (organization_id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT pk_api_keys PRIMARY KEY (id);

ALTER TABLE ONLY public.candidate_decisions
    ADD CONSTRAINT pk_candidate_decisions PRIMARY KEY (id);

ALTER TABLE ONLY public.candidates
    ADD CONSTRAINT pk_candidates PRIMARY KEY (id);

ALTER TABLE ONLY public.categories
    ADD CONSTRAINT pk_categories PRIMARY KEY (id);

ALTER TABLE ONLY public.dataset_items
    ADD CONSTRAINT pk_dataset_items PRIMARY KEY (id);

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT pk_datasets PRIMARY KEY (id);

ALTER TABLE ONLY public.evaluation_rows
    ADD CONSTRAINT pk_evaluation_rows PRIMARY KEY (evaluation_id, dataset_item_id);

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT pk_evaluations PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT pk_idempotency_keys PRIMARY KEY (id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT pk_labels PRIMARY KEY (id);

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT pk_model_versions PRIMARY KEY (id);

ALTER TABLE ONLY public.organizations
    ADD CONSTRAINT pk_organizations PRIMARY KEY (id);

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT pk_transactions PRIMARY KEY (id);

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT uq_activations_organization_id_counter UNIQUE (organization_id, counter);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT uq_api_keys_public_id UNIQUE (public_id);

ALTER TABLE ONLY public.candidates
    ADD CONSTRAINT uq_candidates_organization_id_id UNIQUE (organization_id, id);

ALTER TABLE ONLY public.categories
    ADD CONSTRAINT uq_categories_organization_id_id UNIQUE (organization_id, id);

ALTER TABLE ONLY public.dataset_items
    ADD CONSTRAINT uq_dataset_items_organization_id_id UNIQUE (organization_id, id);

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT uq_datasets_organization_id_id UNIQUE (organization_id, id);

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT uq_evaluations_organization_id_id UNIQUE (organization_id, id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT uq_idempotency_keys_organization_id_key UNIQUE NULLS NOT DISTINCT (organization_id, key);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT uq_jobs_organization_id_id UNIQUE (organization_id, id);

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT uq_model_versions_organization_id_id UNIQUE (organization_id, id);

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT uq_model_versions_organization_id_name UNIQUE (organization_id, name);

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT uq_transactions_organization_id_external_id UNIQUE (organization_id, external_id);

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT uq_transactions_organization_id_id UNIQUE (organization_id, id);

CREATE INDEX ix_api_keys_organization_id ON public.api_keys USING btree (organization_id);

CREATE INDEX ix_candidate_decisions_actor ON public.candidate_decisions USING btree (organization_id, actor, id);

CREATE INDEX ix_candidate_decisions_candidate ON public.candidate_decisions USING btree (organization_id, candidate_id);

CREATE INDEX ix_candidates_category ON public.candidates USING btree (organization_id, category_id);

CREATE INDEX ix_candidates_job ON public.candidates USING btree (organization_id, job_id);

CREATE INDEX ix_candidates_review ON public.candidates USING btree (organization_id, status, id);

CREATE INDEX ix_dataset_items_split ON public.dataset_items USING btree (dataset_id, split, id);

CREATE INDEX ix_evaluation_rows_item ON public.evaluation_rows USING btree (organization_id, dataset_item_id);

CREATE INDEX ix_idempotency_keys_created_at ON public.idempotency_keys USING btree (created_at);

CREATE INDEX ix_jobs_children ON public.jobs USING btree (parent_id, id) WHERE (parent_id IS NOT NULL);

CREATE INDEX ix_jobs_line ON public.jobs USING btree (queue, organization_id, priority, id) WHERE ((status)::text = 'queued'::text);

CREATE INDEX ix_jobs_organization ON public.jobs USING btree (organization_id, id);

CREATE INDEX ix_jobs_queued ON public.jobs USING btree (priority, id) WHERE ((status)::text = 'queued'::text);

CREATE INDEX ix_jobs_running ON public.jobs USING btree (lease_until) WHERE ((status)::text = 'running'::text);

CREATE INDEX ix_jobs_served ON public.jobs USING btree (queue, organization_id, started_at);

CREATE INDEX ix_labels_current_category ON public.labels USING btree (organization_id, category_id) WHERE is_current;

CREATE INDEX ix_labels_transaction ON public.labels USING btree (organization_id, transaction_id);

CREATE INDEX ix_transactions_place ON public.transactions USING btree (organization_id, md5(lower((((merchant_name)::text || chr(10)) || (COALESCE(location, department))::text))));

CREATE UNIQUE INDEX uq_categories_live_code ON public.categories USING btree (organization_id, code) WHERE (archived_at IS NULL);

CREATE UNIQUE INDEX uq_categories_live_name ON public.categories USING btree (organization_id, name) WHERE (archived_at IS NULL);

CREATE UNIQUE INDEX uq_labels_current ON public.labels USING btree (transaction_id) WHERE is_current;

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT fk_activations_organization_id_model_version_id_model_versions FOREIGN KEY (organization_id, model_version_id) REFERENCES public.model_versions(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.activations
    ADD CONSTRAINT fk_activations_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.active_models
    ADD CONSTRAINT fk_active_models_organization_id_model_version_id_model_747a FOREIGN KEY (organization_id, model_version_id) REFERENCES public.model_versions(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.active_models
    ADD CONSTRAINT fk_active_models_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.active_models
    ADD CONSTRAINT fk_active_models_organization_id_reranker_version_id_mo_ff46 FOREIGN KEY (organization_id, reranker_version_id) REFERENCES public.model_versions(organization_id, id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT fk_api_keys_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.candidate_decisions
    ADD CONSTRAINT fk_candidate_decisions_organization_id_candidate_id_candidates FOREIGN KEY (organization_id, candidate_id) REFERENCES public.candidates(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.candidates
    ADD CONSTRAINT fk_candidates_organization_id_category_id_categories FOREIGN KEY (organization_id, category_id) REFERENCES public.categories(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.candidates
    ADD CONSTRAINT fk_candidates_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.categories
    ADD CONSTRAINT fk_categories_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dataset_items
    ADD CONSTRAINT fk_dataset_items_organization_id_dataset_id_datasets FOREIGN KEY (organization_id, dataset_id) REFERENCES public.datasets(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT fk_datasets_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.evaluation_rows
    ADD CONSTRAINT fk_evaluation_rows_organization_id_dataset_item_id_data_402d FOREIGN KEY (organization_id, dataset_item_id) REFERENCES public.dataset_items(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.evaluation_rows
    ADD CONSTRAINT fk_evaluation_rows_organization_id_evaluation_id_evaluations FOREIGN KEY (organization_id, evaluation_id) REFERENCES public.evaluations(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT fk_evaluations_organization_id_dataset_id_datasets FOREIGN KEY (organization_id, dataset_id) REFERENCES public.datasets(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT fk_evaluations_organization_id_model_version_id_model_versions FOREIGN KEY (organization_id, model_version_id) REFERENCES public.model_versions(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT fk_evaluations_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT fk_idempotency_keys_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT fk_labels_organization_id_category_id_categories FOREIGN KEY (organization_id, category_id) REFERENCES public.categories(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.labels
    ADD CONSTRAINT fk_labels_organization_id_transaction_id_transactions FOREIGN KEY (organization_id, transaction_id) REFERENCES public.transactions(organization_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT fk_model_versions_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT fk_transactions_organization_id_organizations FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

