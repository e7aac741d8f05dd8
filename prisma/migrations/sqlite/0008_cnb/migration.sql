-- AlterTable
ALTER TABLE "Build" ADD COLUMN "cnb" JSONB;

-- AlterTable
ALTER TABLE "Settings" ADD COLUMN "builder" TEXT;
ALTER TABLE "Settings" ADD COLUMN "buildpacks" JSONB;
