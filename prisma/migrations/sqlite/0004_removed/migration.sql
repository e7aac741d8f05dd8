-- AlterTable
ALTER TABLE "App" ADD COLUMN "removed" JSONB;
